"""``%%fit`` in a real kernel: a cell behaves as it would without the magic line, and is monitored."""

from __future__ import annotations

import json
import os
import re
import signal

import pytest

pytestmark = pytest.mark.kernel

MODEL = """
import keras, numpy as np
x = np.random.default_rng(0).random((2000, 8)).astype("float32")
y = (x.sum(axis=1) > 4).astype("int32")
model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(8, activation="relu"), keras.layers.Dense(2)])
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
raw = keras.models.clone_model(model)
model.compile("adam", loss, metrics=["accuracy"])
"""


@pytest.fixture(scope="module")
def kernel(shared_kernel):
    assert shared_kernel.run(f"import nbkeras\n{MODEL}")["status"] == "ok"
    return shared_kernel


def error_line(kernel, cell):
    """Run a cell that a magic refuses; return its one line."""
    reply = kernel.run(cell)
    assert reply["ename"] == "UsageError"
    lines = kernel.text().strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0].removeprefix("UsageError: ")


def test_last_expression_is_displayed(kernel):
    kernel.run("%%fit\nhistory = model.fit(x, y)\nlen(history.history['loss'])")
    (result,) = kernel.outputs("execute_result")
    assert result["data"]["text/plain"] == "1"
    kernel.run("%%fit\nmodel.fit(x, y);")
    assert kernel.outputs("execute_result") == []


@pytest.mark.parametrize(
    "body", ["1\nx = 2\nfor n in 3, 4: n\n5", "6\ny = 7", "8\nfor n in 9, 10: n", "11;", "z = w = 12"]
)
@pytest.mark.parametrize("shown", ["all", "last", "last_expr", "last_expr_or_assign", "none"])
def test_what_is_displayed_is_what_the_shell_says(kernel, shown, body):
    """The same cell without the magic line displays the same."""

    def displayed(cell):
        kernel.run(cell)
        return [each["data"]["text/plain"] for each in kernel.outputs("execute_result")]

    kernel.run(f"get_ipython().ast_node_interactivity = {shown!r}; held = x, y")
    try:
        plain = displayed(body)
        assert displayed(f"%%fit\n{body}") == plain
    finally:
        kernel.run("get_ipython().ast_node_interactivity = 'last_expr'; x, y = held")


def test_monitor_is_shown_and_ends_as_html(kernel):
    kernel.run("%%fit --epochs 3\nhistory = model.fit(x, y, validation_split=0.2)")
    (shown,) = kernel.outputs("display_data")
    assert "application/vnd.jupyter.widget-view+json" in shown["data"]
    updates = kernel.outputs("update_display_data")
    assert [list(update["data"]) for update in updates] == [["text/html", "text/plain"]]
    assert updates[0]["transient"] == shown["transient"]
    assert kernel.text() == ""


def test_error_comes_out_once_with_the_cells_own_line(kernel):
    reply = kernel.run("%%fit\nvalue = 1\n\nvalue / 0\n")
    assert reply["ename"] == "ZeroDivisionError"
    (error,) = kernel.outputs("error")
    text = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(error["traceback"]))
    number = kernel.outputs("execute_input")[0]["execution_count"]
    assert f"Cell In[{number}], line 4" in text, text
    assert "----> 4 value / 0" in text
    assert "nbkeras/magics" not in text


@pytest.mark.parametrize("body", ["value = = 1", "if value:\nprint(1)", "return 1"])
def test_a_syntax_error_is_shown_as_of_any_cell(kernel, body):
    shown = []
    for cell in (f"%%fit\n{body}", f"pass\n{body}"):
        reply = kernel.run(cell)
        (error,) = kernel.outputs("error")
        text = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(error["traceback"]))
        shown.append((reply["ename"], re.sub(r"In\[\d+\]", "", text)))
    assert shown[0] == shown[1]
    assert "line " in shown[0][1]


def test_top_level_await_is_refused_before_anything_runs(kernel):
    line = error_line(kernel, "%%fit\nran = True\nimport asyncio\nawait asyncio.sleep(0)")
    assert line.startswith("%%fit: expected a cell without await at its top level")
    assert kernel.value("'ran' in globals()") is False
    kernel.run(
        "import nbkeras, asyncio\n"
        "with nbkeras.fitting():\n    await asyncio.sleep(0)\n    history = model.fit(x, y)",
    )
    assert len(kernel.outputs("display_data")) == 1


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("%%fit --epoch 3\n1", "received '--epoch': type --epochs"),
        ("%%fit --epochs many\n1", "--epochs: expected a whole number of 1 or more, received 'many'"),
        ("%%fit --epochs\n1", "%%fit: --epochs: expected N, received nothing: type  --epochs N"),
        ("%%fit --name 'a\n1", "expected closed quotes"),
        ("%%fit stray\n1", "received 'stray'"),
        ("%%fit --early-stopping loss:-1\n1", "--early-stopping: expected [METRIC:]PATIENCE"),
        ("%%fit --early-stopping f1:2\nmodel.fit(x, y)", "the model reports loss, accuracy"),
        ("%%fit --csv /dev/null/log.csv\n1", "--csv: expected a place that can be written"),
        ("%%fit\nraw.fit(x, y)", "expected a compiled model"),
        ("%nbkeras perhaps", "%nbkeras: expected on, off or status, received 'perhaps'"),
        ("%monitor nobody", "%monitor: "),
        ("%runs nobody", "%runs: "),
        ("%runs --delete", "expected the runs to delete, received none"),
        ("%runs --sort", "received '--sort'"),
    ],
)
def test_bad_input_is_one_line_and_changes_nothing(kernel, cell, words):
    names = "sorted(n for n in globals() if not n.startswith('_'))"
    before = kernel.value(names)
    assert words in error_line(kernel, cell)
    assert kernel.value(names) == before


def test_cell_without_training_says_so(kernel):
    assert kernel.run("%%fit\nnumber = 5\nnumber")["status"] == "ok"
    assert kernel.text().startswith("%%fit: expected a cell that calls fit, evaluate or predict")
    assert kernel.outputs("execute_result")[0]["data"]["text/plain"] == "5"


def test_code_is_printed_and_nothing_trains(kernel):
    before = kernel.value("float(model.get_weights()[0].sum())")
    kernel.run("%%fit --epochs 2 --checkpoint best.keras --code\nhistory = model.fit(x, y)")
    assert 'keras.callbacks.ModelCheckpoint(filepath="best.keras"' in kernel.text()
    assert kernel.value("float(model.get_weights()[0].sum())") == before


def test_variables_are_expanded(kernel):
    kernel.run("many = 2")
    kernel.run("%%fit --epochs $many --name run-{many}\nhistory = model.fit(x, y)")
    assert kernel.value("(len(history.history['loss']), nbkeras.runs.latest().name)") == (2, "run-2")


def test_whole_notebook(kernel):
    kernel.run("%nbkeras on")
    assert kernel.text().startswith("nbkeras is on: every training is monitored; run log: ")
    kernel.run("history = model.fit(x, y)")
    assert len(kernel.outputs("display_data")) == 1
    # A refusal without a magic in its cell is one line, too.
    assert kernel.run("raw.fit(x, y)")["ename"] == "Refusal"
    (error,) = kernel.outputs("error")
    assert len(error["traceback"]) == 1
    assert "expected a compiled model" in error["traceback"][0]
    kernel.run("%nbkeras off")
    kernel.run("history = model.fit(x, y, verbose=0)")
    assert kernel.outputs("display_data") == []
    assert kernel.value("'fit' in vars(keras.Model)") is False


def test_plain_fit_that_raises_is_closed_with_its_cell(kernel):
    kernel.run(
        "import nbkeras\n"
        "def fail(batch, logs): raise RuntimeError('disk gone')\n"
        "broken = keras.callbacks.LambdaCallback(on_train_batch_end=fail)\n"
        "callbacks = [broken, nbkeras.Monitor(name='plain')]\n"
        "model.fit(x, y, verbose=0, callbacks=callbacks)",
    )
    status = "(nbkeras.runs.get('plain').status, nbkeras.runs.get('plain').reason)"
    assert kernel.value(status) == ("failed", "RuntimeError: disk gone")


def test_a_cell_inside_a_training_leaves_its_run_alone(kernel):
    """A callback may run cells of its own; their end is not the training's."""
    kernel.run(
        "%%fit\n"
        "def capture(epoch, logs): get_ipython().run_cell('1 + 1', silent=True)\n"
        "callback = keras.callbacks.LambdaCallback(on_epoch_end=capture)\n"
        "history = model.fit(x, y, epochs=3, callbacks=[callback])",
    )
    assert kernel.value("(nbkeras.runs.latest().status, len(nbkeras.runs.latest().history['loss']))") == (
        "finished",
        3,
    )


def test_loop_that_raises_is_closed_with_its_cell(kernel):
    kernel.run(
        "for epoch in nbkeras.track([1, 2], name='mine'):\n"
        "    for _ in epoch:\n        raise ValueError('bad')",
    )
    assert kernel.value("nbkeras.runs.get('mine').status") == "failed"


def test_loop_in_a_generator_goes_on_in_another_cell(kernel):
    kernel.run(
        "def batches():\n"
        "    for epoch in nbkeras.track([1, 2], epochs=3, name='waiting'):\n"
        "        for batch in epoch:\n            epoch.log(loss=batch)\n            yield batch\n"
        "waiting = batches()\nnext(waiting)",
    )
    status = "(lambda r: (r.status, r.reason, r.history))(nbkeras.runs.get('waiting'))"
    assert kernel.value(status) == ("running", "", {})
    kernel.run("list(waiting)")
    assert kernel.value(status) == ("finished", "", {"loss": [2.0, 2.0, 2.0]})
    kernel.run("waiting = batches()\nnext(waiting)")
    kernel.run("del waiting")
    assert kernel.value(status)[:2] == ("stopped", "left before its end")


def test_many_runs_in_a_cell_fold(kernel):
    kernel.run("%%fit\nfor _ in range(6):\n    model.fit(x[:64], y[:64])")
    assert len(kernel.outputs("display_data")) == 6
    last = {}
    for update in kernel.outputs("update_display_data"):
        last[update["transient"]["display_id"]] = update["data"]["text/html"]
    folded = [html for html in last.values() if "<img" not in html]
    assert len(folded) == 2


def test_defaults_by_config(kernel):
    kernel.run("%config NBKeras.early_stopping = 'loss:3'")
    kernel.run("%%fit --epochs 2\nhistory = model.fit(x, y)")
    assert "EarlyStopping" in kernel.value("nbkeras.runs.latest().notes[1]")
    kernel.run("%config NBKeras.early_stopping = 'x:y'")
    assert "expected [METRIC:]PATIENCE" in kernel.text()
    kernel.run("%config NBKeras.early_stopping = ''")


@pytest.mark.parametrize(
    ("line", "offer"),
    [
        ("%%fit --ep", "--epochs"),
        ("%%fit --early-stopping val_a", "val_accuracy:"),
        ("%%fit --epochs $", "$x"),
        ("%%fit --epochs {mod", "{model"),
        ("%nbkeras o", "on"),
        ("%runs --e", "--export"),
        ("%monitor pl", "plain"),
    ],
)
def test_tab_completes(kernel, line, offer):
    content = kernel.client.complete(line, len(line), reply=True, timeout=20)["content"]
    completed = [line[: content["cursor_start"]] + match for match in content["matches"]]
    assert line.rpartition(" ")[0] + " " + offer in completed


def test_tab_completes_paths(kernel):
    kernel.run(
        "import pathlib; pathlib.Path('models').mkdir(); _ = pathlib.Path('metrics.csv').write_text('')"
    )
    for option, matches in (("--csv", {"models/", "metrics.csv"}), ("--tensorboard", {"models/"})):
        line = f"%%fit {option} m"
        content = kernel.client.complete(line, len(line), reply=True, timeout=20)["content"]
        assert matches <= set(content["matches"])
        assert ("metrics.csv" in content["matches"]) is (option == "--csv")


@pytest.mark.parametrize("magic", ["%%fit", "%nbkeras", "%monitor", "%runs"])
def test_help_has_usage_examples_and_options(kernel, magic):
    reply = kernel.run(f"{magic}?")
    text = reply["payload"][0]["data"]["text/plain"]
    assert "Usage:" in text
    assert "Examples:" in text
    assert "Options:" in text


def test_runs_are_listed_compared_exported_and_deleted(kernel, tmp_path):
    kernel.run("%%fit --name small\nhistory = model.fit(x, y)")
    kernel.run("%%fit --name large --epochs 2\nhistory = model.fit(x, y)")
    kernel.run("%runs")
    html = kernel.outputs("display_data")[0]["data"]["text/html"]
    assert "small" in html
    assert "large" in html
    kernel.run("%runs small large")
    assert "epochs" in kernel.outputs("display_data")[0]["data"]["text/html"]
    kernel.run(f"%runs --export {tmp_path}/runs.json small large")
    names = [run["name"] for run in json.loads((tmp_path / "runs.json").read_text())]
    assert names == ["small", "large"]
    kernel.run(f"%runs --delete small --export {tmp_path}/last.json")
    assert [run["name"] for run in json.loads((tmp_path / "last.json").read_text())] == ["small"]
    assert "small" not in kernel.value("[run.name for run in nbkeras.runs.all()]")
    kernel.run("%monitor large")
    assert "application/vnd.nbkeras.monitor+json" in kernel.outputs("display_data")[0]["data"]
    (tmp_path / "notes.txt").write_text("no run log")
    kernel.run(f"before = nbkeras.runs.log_path(); nbkeras.runs.set_log('{tmp_path}/notes.txt')")
    kernel.run("%runs")
    assert "notes.txt is no run log" in kernel.outputs("display_data")[0]["data"]["text/plain"]
    kernel.run("nbkeras.runs.set_log(before)")


def test_nothing_heavy_is_imported(start_kernel):
    kernel = start_kernel()
    heavy = ("tensorflow", "keras", "tf_keras", "matplotlib", "pandas", "numpy", "ipywidgets", "anywidget")
    assert kernel.value(f"[name for name in {heavy!r} if name in __import__('sys').modules]") == []


def test_killed_kernel_loses_at_most_the_last_second(start_kernel):
    kernel = start_kernel()
    kernel.send(
        "import nbkeras, time\n"
        "for epoch in nbkeras.track(range(10**9), name='long', epochs=3):\n"
        "    for step in epoch:\n"
        "        epoch.log(loss=time.time()); time.sleep(0.01)\n"
        "        if step == 250: print('under way', time.time(), flush=True)",
    )
    printed = kernel.until(lambda m: m["msg_type"] == "stream")
    pid = kernel.manager.provisioner.pid
    os.kill(pid, signal.SIGKILL)
    told = float(printed["content"]["text"].split()[-1])
    other = start_kernel()
    status, reason, last = other.value(
        "(lambda run: (run.status, run.reason, float(run.steps('loss').values[-1])))"
        "(__import__('nbkeras').runs.get('long'))",
    )
    assert (status, reason) == ("interrupted", "the kernel ended")
    assert last > told - 1
