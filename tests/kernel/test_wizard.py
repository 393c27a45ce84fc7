"""Wizards in a real kernel: what they display, and what Run does."""

from __future__ import annotations

import importlib.util
import re

import pytest

from nbkeras import recipes

MIME = "application/vnd.nbkeras.wizard+json"
WIDGET = "application/vnd.jupyter.widget-view+json"
RUN = "__import__('nbkeras.widgets.wizard.running', fromlist=['run']).run"
LAST = "__import__('nbkeras.widgets.wizard.shown', fromlist=['last']).last('early_stopping')"
FIT = """
import keras, numpy as np
model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
history = model.fit(np.ones((64, 2)), np.ones((64, 1)), epochs=100_000, verbose=0)
print("the rest of the code runs")
"""


@pytest.fixture(scope="module")
def kernel(shared_kernel):
    return shared_kernel


@pytest.fixture
def shown(kernel):
    """The id of a wizard, and the request of its cell."""
    kernel.messages.clear()
    request = kernel.send("%wizard early_stopping")
    assert kernel.wait(request)["status"] == "ok"
    (displayed,) = kernel.outputs("display_data")
    return displayed["data"], request


def with_code(kernel, code):
    """Put code into the place of the form's, for good."""
    kernel.run(f"__ = {LAST}.entries; __.look = lambda: None; __.code = {code!r}")


def edition_of(kernel, identifier):
    """Return the number of the code that a view would show."""
    find = "__import__('nbkeras.widgets.wizard.shown', fromlist=['find']).find"
    return kernel.value(f"getattr(getattr({find}({identifier!r}), 'panel', None), 'edition', 0)")


def run(kernel, identifier, *, under_cell=False):
    """Press Run as a view does; return its request."""
    edition = edition_of(kernel, identifier)
    kernel.messages.clear()
    code = f"{RUN}({identifier!r}, {edition}, under_cell={under_cell})"
    request = kernel.client.execute(code, store_history=False)
    kernel.wait(request)
    return request


def parents(kernel, *kinds):
    return {m["parent_header"]["msg_id"] for m in kernel.messages if m["msg_type"] in kinds}


def test_what_is_displayed(shown):
    data, _ = shown
    assert set(data) == {MIME, WIDGET, "text/html", "text/plain"}
    assert data[MIME]["widget"] == data[WIDGET]["model_id"]
    assert "EarlyStopping(" in data["text/plain"]


def test_run_makes_ordinary_variables_and_a_cell_of_the_history(kernel, shown):
    data, _ = shown
    with_code(kernel, "made = 6 * 7\nprint('said')\nmade + 1")
    request = run(kernel, data[MIME]["widget"])
    assert kernel.text() == "said\n"
    assert kernel.outputs("execute_result")[0]["data"]["text/plain"] == "43"
    assert parents(kernel, "stream", "execute_result") == {request}
    assert kernel.value("made") == 42
    assert kernel.value("In[-1]").startswith("made = 6 * 7")


def test_outputs_go_to_the_cell_where_the_view_cannot_put_them(kernel, shown):
    data, cell = shown
    with_code(kernel, "print('said')\n1 + 1")
    run(kernel, data[MIME]["widget"], under_cell=True)
    assert parents(kernel, "stream", "execute_result") == {cell}
    # What comes after belongs to its own cell again.
    after = kernel.send("print('after')")
    kernel.messages.clear()
    kernel.wait(after)
    assert parents(kernel, "stream") == {after}


def test_an_error_comes_once_and_points_into_the_code(kernel, shown):
    data, _ = shown
    with_code(kernel, "first = 1\nraise KeyError('mine')")
    run(kernel, data[MIME]["widget"])
    (error,) = kernel.outputs("error")
    assert error["ename"] == "KeyError"
    text = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(error["traceback"]))
    assert "raise KeyError('mine')" in text
    assert "running.py" not in text
    assert kernel.value(f"{LAST}.panel.status") == "failed"


def test_nothing_runs_while_something_is_wrong(kernel, shown):
    data, _ = shown
    kernel.run(f"{LAST}.fields[6].control.value = 'soon'; wrong = list({LAST}.entries.problems)")
    assert kernel.value("wrong") == ["patience"]
    run(kernel, data[MIME]["widget"])
    assert not kernel.outputs("error")
    assert not kernel.outputs("stream")
    assert kernel.value("'early_stopping' in globals()") is False


def test_code_that_nobody_has_seen_does_not_run(kernel, shown):
    """A cell that was running when Run was pressed has changed what the form may offer."""
    data, _ = shown
    identifier = data[MIME]["widget"]
    seen = edition_of(kernel, identifier)
    kernel.run(f"{LAST}.fields[6].control.value = '9'")
    assert edition_of(kernel, identifier) == seen + 1
    kernel.run(f"{RUN}({identifier!r}, {seen})")
    assert kernel.value(f"{LAST}.panel.status") == "changed"
    assert kernel.value("'early_stopping' in globals()") is False


def test_a_form_of_another_kernel_is_one_line(kernel):
    run(kernel, "no-such-id")
    (error,) = kernel.outputs("error")
    assert error["traceback"] == [
        "nbkeras: expected a form of this kernel, received one of another: run its cell again"
    ]


def test_choices_follow_the_notebook_after_each_cell(kernel, shown):
    kernel.run("import numpy as np\nmy_images = np.zeros((4, 2))")
    assert "my_images" in kernel.value(f"[value for _, value in {LAST}.fields[1].control.options]")


def test_insert_makes_a_cell(kernel, shown):
    kernel.run(f"{LAST}.fields[6].control.value = '9'")
    reply = kernel.run("%wizard early_stopping --insert")
    (payload,) = reply["payload"]
    assert payload["source"] == "set_next_input"
    assert "patience=9" in payload["text"]
    assert not kernel.outputs("display_data")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("%wizard erly_stoping", "did you mean early_stopping?"),
        ("%wizard --insert", "type  %wizard NAME --insert"),
        ("%wizard early_stopping --code", "received '--code'"),
    ],
)
def test_mistakes_are_one_line(kernel, line, said):
    reply = kernel.run(line)
    assert reply["ename"] == "UsageError"
    assert said in reply["evalue"]


def test_the_gallery_lists_all(kernel):
    kernel.run("%wizard")
    (displayed,) = kernel.outputs("display_data")
    for name in recipes.names():
        assert f"%wizard {name}" in displayed["data"]["text/plain"]
        assert f"%wizard {name}<" in displayed["data"]["text/html"]


@pytest.mark.parametrize("in_subshell", [False, True])
def test_a_view_without_execute_requests_runs_it_in_the_main_thread(kernel, shown, in_subshell):
    data, cell = shown
    with_code(kernel, "import threading\nprint(threading.current_thread() is threading.main_thread())")
    panel = kernel.value(f"{LAST}.panel.model_id")
    pressed = {"type": "run", "edition": edition_of(kernel, data[MIME]["widget"])}
    kernel.messages.clear()
    content = {"comm_id": panel, "data": {"method": "custom", "content": pressed}}
    kernel.comm("comm_msg", content, kernel.subshell() if in_subshell else None)
    said = kernel.until(lambda m: m["msg_type"] == "stream")
    assert said["content"]["text"] == "True\n"
    assert said["parent_header"]["msg_id"] == cell


def test_the_view_gets_what_is_to_be_saved(kernel, shown):
    panel = kernel.value(f"{LAST}.panel.model_id")
    kernel.comm(
        "comm_msg", {"comm_id": panel, "data": {"method": "custom", "content": {"type": "save"}}}, None
    )
    answer = kernel.until(
        lambda m: m["msg_type"] == "comm_msg" and m["content"]["data"]["method"] == "custom"
    )
    content = answer["content"]["data"]["content"]
    assert content["type"] == "saved"
    assert set(content["data"]) == {"text/html", "text/plain"}


def test_the_gallery_opens_one_form_at_a_time(kernel):
    kernel.run("%wizard")
    (displayed,) = kernel.outputs("display_data")
    root = displayed["data"][MIME]["widget"]
    widgets = "__import__('ipywidgets').widgets.widget._instances"
    panel = kernel.value(f"{widgets}[{root!r}].children[0].model_id")
    for name in ("sample_batch_epoch", "cite", "no such"):
        data = {"method": "custom", "content": {"type": "open", "name": name}}
        kernel.comm("comm_msg", {"comm_id": panel, "data": data}, None)
        kernel.run("")
    assert kernel.value(f"{widgets}[{panel!r}].opened") == "cite"
    assert kernel.value(f"len({widgets}[{root!r}].children)") == 2
    assert kernel.value(f"{LAST.replace('early_stopping', 'sample_batch_epoch')} is None") is True


def test_a_cell_that_runs_again_lets_go_of_its_form(kernel):
    ids = []
    for code in ("%wizard cite", "%wizard cite", "1"):
        message = kernel.client.session.msg("execute_request", {"code": code, "silent": False})
        message["metadata"]["cellId"] = "same cell"
        kernel.messages.clear()
        kernel.client.shell_channel.send(message)
        kernel.wait(message["header"]["msg_id"])
        ids += [each["data"][MIME]["widget"] for each in kernel.outputs("display_data")]
    first, second = ids
    known = "__import__('nbkeras.widgets.wizard.shown', fromlist=['find']).find"
    assert kernel.value(f"{known}({first!r}) is None") is True
    assert kernel.value(f"{known}({second!r}) is None") is False


def test_the_python_door(kernel):
    kernel.run("import nbkeras\nnbkeras.wizard('Early stopping')")
    (displayed,) = kernel.outputs("display_data")
    assert MIME in displayed["data"]
    kernel.run("nbkeras.wizard('erly')")
    (error,) = kernel.outputs("error")
    assert error["ename"] == "Refusal"


def test_the_first_interrupt_ends_the_training_gracefully(kernel, shown):
    data, _ = shown
    with_code(kernel, FIT)
    identifier = data[MIME]["widget"]
    code = f"{RUN}({identifier!r}, {edition_of(kernel, identifier)})"
    kernel.messages.clear()
    request = kernel.client.execute(code, store_history=False)
    monitor = "application/vnd.nbkeras.monitor+json"
    kernel.until(lambda m: m["msg_type"] == "display_data" and monitor in m["content"]["data"], timeout=120)
    kernel.interrupt()
    kernel.wait(request)
    assert kernel.text() == "the rest of the code runs\n"
    assert kernel.outputs("update_display_data")
    assert kernel.value("0 < len(history.history['loss']) < 100_000") is True
    assert kernel.value(f"{LAST}.panel.status") == "done"
    # Nothing is monitored afterwards.
    kernel.run("again = model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)")
    assert not kernel.outputs("display_data")


# What is entered, and what has to be true once the code with nbkeras's magics ran.
WITH_MAGICS = {
    "early_stopping": (
        {"metric": "val_accuracy", "patience": 2, "epochs": 6},
        "abs(model.evaluate(x[409:], y[409:], verbose=0)[1] - max(history.history['val_accuracy'])) < 1e-5",
    ),
    "monitoring": (
        {"epochs": 2, "folder": "it's here"},
        "len(list(__import__('pathlib').Path(\"it's here\").glob('*/train/*.v2'))) == 1",
    ),
    "recover": (
        {"epochs": 2, "folder": "kept here", "run": "my run"},
        "len(history.epoch) == 2 and __import__('pathlib').Path('kept here/my run').is_dir()",
    ),
    "data_parallel": ({"epochs": 1}, "len(history.epoch) == 1 and not tf.distribute.has_strategy()"),
    "mixed_precision": (
        {"epochs": 1},
        "[each.compute_dtype for each in model.layers] == ['float16', 'float32']",
    ),
    "tpu": ({"epochs": 1}, "len(history.epoch) == 1 and tf.distribute.has_strategy()"),
    "tuning": (
        {"trials": 2, "epochs": 1, "units": "4, 5", "directory": "a search"},
        "len(tuner.oracle.trials) == 2 and hp.values['units'] in (4, 5)",
    ),
}


@pytest.mark.costly("tuning")
@pytest.mark.parametrize("name", WITH_MAGICS)
def test_the_code_with_magics_does_what_it_says(kernel, name):
    if name == "tuning" and importlib.util.find_spec("keras_tuner") is None:
        pytest.skip("the extra tuner is not installed")
    values, promise = WITH_MAGICS[name]
    kernel.run(f"%wizard {name}")
    (displayed,) = kernel.outputs("display_data")
    entering = "for key, value in " + repr(values) + ".items(): form.entries.enter(key, value)"
    kernel.run(
        f"form = {LAST.replace('early_stopping', name)}\nform._set_magics({{'new': True}})\n{entering}"
    )
    # Other tests of this kernel have made variables of these names.
    kernel.run("form._names.control.value = True")
    kernel.run("form.show()")
    assert kernel.value("[form.panel.code[:1], *form.panel.problems]") == ["%"]
    run(kernel, displayed["data"][MIME]["widget"])
    assert kernel.outputs("error") == []
    assert kernel.value("form.panel.status") == "done"
    assert kernel.value(promise) is True
    kernel.run("%strategy none")


def test_run_leaves_the_notebooks_variables_and_makes_its_own_names_once(kernel):
    kernel.run("x, y, model, history = 'my x', 'my y', 'my model', 'my history'")
    kernel.run("%wizard train_step")
    (displayed,) = kernel.outputs("display_data")
    form = LAST.replace("early_stopping", "train_step")
    code = kernel.value(f"{form}.panel.code")
    assert "history_2 = model_2.fit(x_2, y_2, epochs=5)" in code
    note = kernel.value(f"{form}._names._note.value")
    assert "x, y, model and history already: they stay as they are, the code makes " in note
    assert note.endswith("x_2, y_2, model_2 and history_2.")
    for _ in range(2):
        run(kernel, displayed["data"][MIME]["widget"])
        assert kernel.outputs("error") == []
        assert kernel.value("[x, y, model, history]") == ["my x", "my y", "my model", "my history"]
        assert kernel.value("len(history_2.epoch)") > 0
        # What it runs next is what it has just run.
        assert kernel.value(f"{form}.panel.code") == code
    # The same cell again, in another form; and by hand, as after Insert below.
    kernel.run("%wizard train_step")
    assert kernel.value(f"{form}.panel.code") == code
    kernel.run("model_2 = 'now mine'")
    assert "model_3 = " in kernel.value(f"{form}.panel.code")
    kernel.run(kernel.value(f"{form}.panel.code"))
    assert kernel.value("model_2") == "now mine"
    assert "model_3 = " in kernel.value(f"{form}.panel.code")
    # Or as it always was, when that is said.
    kernel.run(f"{form}._names.control.value = True")
    assert kernel.value(f"{form}._names._note.value").startswith("Run replaces ")
    assert "history = model.fit(x, y, epochs=5)" in kernel.value(f"{form}.panel.code")


def test_magics_that_are_not_loaded_are_not_run(kernel, shown):
    kernel.run(f"{LAST}._set_magics({{'new': True}})")
    assert kernel.value(f"{LAST}.panel.blocked") == ""
    kernel.run("%unload_ext nbkeras")
    kernel.run("1")
    assert kernel.value(f"{LAST}.panel.blocked") == "To run it, type  %load_ext nbkeras"
    kernel.run("%load_ext nbkeras")


@pytest.mark.parametrize("version", ["6.31.0", "7.0.1"])
def test_on_older_kernels(start_kernel, ipykernel, version):
    kernel = start_kernel([ipykernel(version)])
    cell = kernel.send("%wizard sample_batch_epoch")
    kernel.wait(cell)
    (displayed,) = kernel.outputs("display_data")
    identifier = displayed["data"][MIME]["widget"]
    request = run(kernel, identifier)
    assert kernel.text().startswith("1,000 samples an epoch")
    assert parents(kernel, "stream") == {request}
    run(kernel, identifier, under_cell=True)
    assert parents(kernel, "stream") == {cell}
    panel = kernel.value(f"{LAST.replace('early_stopping', 'sample_batch_epoch')}.panel.model_id")
    pressed = {"type": "run", "edition": edition_of(kernel, identifier)}
    content = {"comm_id": panel, "data": {"method": "custom", "content": pressed}}
    kernel.messages.clear()
    kernel.comm("comm_msg", content, None)
    said = kernel.until(lambda m: m["msg_type"] == "stream")
    assert said["parent_header"]["msg_id"] == cell
