"""``%%tune`` in a real kernel: the notebook's variables, what is shown, stopping, and a kernel that dies."""

from __future__ import annotations

import json
import re
import time

import pytest

pytest.importorskip("keras_tuner")
pytestmark = pytest.mark.kernel

DATA = """
import keras, numpy as np, nbkeras
x = np.random.default_rng(0).random((24, 3)).astype("float32")
y = x.sum(axis=1)
lr = "mine"
"""
CELL = """
lr = 0.5
units = 8
print("trial with", lr, units)
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(units), keras.layers.Dense(1)])
model.compile(keras.optimizers.SGD(lr), "mse")
history = model.fit(x, y, validation_split=0.25, epochs=2)
"""
SEARCH = '--search "lr=1e-3..1e-1:log units=2|3"'


@pytest.fixture(scope="module")
def kernel(shared_kernel):
    assert shared_kernel.run(DATA)["status"] == "ok"
    return shared_kernel


def error_line(kernel, cell):
    """Run a cell that the magic refuses; return its one line."""
    reply = kernel.run(cell)
    assert reply["ename"] == "UsageError", reply
    lines = kernel.text().strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0].removeprefix("UsageError: ")


def test_the_notebook_is_that_of_the_best_trial(kernel):
    assert kernel.run(f"%%tune {SEARCH} --trials 3 --name best\n{CELL}", 120)["status"] == "ok"
    best = kernel.value(
        "{'lr': lr, 'units': units, 'hp': dict(hp.values), 'width': model.layers[0].units,"
        " 'now': float(model.evaluate(x[18:], y[18:], verbose=0)), 'said': min(history.history['val_loss']),"
        " 'rate': float(model.optimizer.learning_rate),"
        " 'score': float(tuner.oracle.get_best_trials()[0].score)}"
    )
    assert best["hp"] == {"lr": best["lr"], "units": best["units"]}
    assert best["width"] == best["units"]
    assert best["rate"] == pytest.approx(best["lr"])
    assert best["now"] == pytest.approx(best["said"], rel=1e-5) == pytest.approx(best["score"], rel=1e-5)
    # The cell's own output comes once, of the best trial.
    assert kernel.text() == f"trial with {best['lr']} {best['units']}\n"
    # Its code, by which anybody trains that model without the search.
    code = kernel.value("tuner.best_code")
    assert f"lr = {best['lr']!r}\nunits = {best['units']}\n" in code
    kernel.run(code.replace("model = ", "del hp, tuner\nmodel = "))
    assert kernel.value("model.layers[0].units") == best["units"]
    assert kernel.value("float(model.optimizer.learning_rate)") == pytest.approx(best["lr"])
    # A cell without the magic line is an ordinary one again.
    assert kernel.run(CELL)["status"] == "ok"


def test_what_is_shown_stays_small_and_without_scripts(kernel):
    kernel.run(f"%%tune {SEARCH} --trials 2 --name shown\n{CELL}", 120)
    shown = kernel.outputs("display_data")
    assert len(shown) == 2
    updates = kernel.outputs("update_display_data")
    assert {u["transient"]["display_id"] for u in updates} == {s["transient"]["display_id"] for s in shown}
    last = {u["transient"]["display_id"]: u["data"] for u in updates}
    head, trials = (last[s["transient"]["display_id"]] for s in shown)
    assert "finished" in head["text/html"]
    assert trials["text/html"].count("<tr>") == 3
    assert "<script" not in head["text/html"] + trials["text/html"]
    assert sum(len(json.dumps(bundle)) for bundle in last.values()) < 40_000
    # The newest run is a trial: it is its search that is shown, as it was.
    kernel.run("%monitor")
    head_again, trials_again = (each["data"] for each in kernel.outputs("display_data"))
    assert head_again == head
    # A run knows how long its fit took, and not the rest of the cell.
    plain = [
        re.sub(r" +time$| +\S+s$", "", each["text/plain"], flags=re.MULTILINE)
        for each in (trials, trials_again)
    ]
    assert plain[0] == plain[1]


def test_marked_values_and_a_mistake_in_the_cell(kernel):
    cell = CELL.replace("lr = 0.5", 'lr = hp.Float("lr", 0.01, 0.1)').replace("units = 8", "units = unknown")
    reply = kernel.run(f"%%tune --name mistake\n{cell}")
    assert reply["ename"] == "NameError"
    text = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(kernel.outputs("error")[0]["traceback"]))
    assert re.search(r"-+> \d+ units = unknown", text), text
    assert "nbkeras/" not in text.replace("nbkeras/magics", "").split("Cell In")[-1]


@pytest.mark.parametrize(
    ("line", "cell", "words"),
    [
        ("--trial 3", CELL, "received '--trial': type --trials"),
        ("--trials none", CELL, "--trials: expected a whole number"),
        ("--search lr=3", CELL, "--search: expected several values to choose from"),
        ("--search rate=1..2", CELL, "--search: expected a variable of the cell, received 'rate'"),
        ("--tuner best", CELL, "--tuner: expected random, hyperband, bayesian, grid"),
        ("", CELL, "expected values to search, received none"),
        (SEARCH + " --objective val_accuracy", CELL, "--objective: expected a metric of this fit"),
        (SEARCH + " --resume", CELL, "--resume: expected a search in "),
        (SEARCH, "lr = 1; units = 2", "received code that calls no fit"),
        (SEARCH, "lr = ", "expected plain Python"),
        (SEARCH, CELL + "model.fit(x, y)", "expected a cell with one fit, received 2 of them"),
        (
            SEARCH + " --seed 0",
            CELL,
            "--seed: expected a whole number of 1 or more, received 0, which KerasTuner",
        ),
        (SEARCH + " --dir /dev/null/x", CELL, "--dir: expected a place that can be written"),
    ],
)
def test_refusals_are_one_line_and_change_nothing(kernel, line, cell, words):
    kernel.run("lr, units, model, hp, tuner = 'a', 'b', 'c', 'd', 'e'")
    names = "(lr, units, model, hp, tuner, sorted(n for n in globals() if not n.startswith('_')))"
    before = kernel.value(names)
    assert words in error_line(kernel, f"%%tune --name refused {line}\n{cell}")
    assert kernel.value(names) == before
    assert kernel.value("__import__('os').path.exists('.nbkeras/tuning/refused')") is False


def test_code_is_printed_and_nothing_runs(kernel):
    kernel.run(f"%%tune {SEARCH} --code\n{CELL}")
    assert 'lr = hp.Float("lr", 0.001, 0.1, sampling="log")' in kernel.text()
    assert "trial with 0" not in kernel.text()


def test_the_first_interrupt_keeps_the_best_and_resume_goes_on(kernel):
    slow = CELL.replace("epochs=2", "epochs=2, callbacks=[Wait()]")
    kernel.run(
        "import time\nfits = []\n"
        "class Wait(keras.callbacks.Callback):\n"
        "    def on_train_begin(self, logs=None):\n        fits.append(1)\n"
        "    def on_train_batch_end(self, batch, logs=None):\n"
        "        if len(fits) == 2:\n"
        "            print('waiting', file=__import__('sys').stderr, flush=True)\n"
        "            time.sleep(0.5)"
    )
    message = kernel.send(f"%%tune {SEARCH} --trials 3 --name stopped\n{slow}\nafter = True")
    kernel.until_printed("waiting", 60)
    kernel.interrupt()
    assert kernel.wait(message)["status"] == "ok"
    head = [u["data"]["text/plain"] for u in kernel.outputs("update_display_data")]
    assert any(text.startswith("stopped: stopped (interrupt), random, 2 trials") for text in head), head
    assert kernel.value("(after, len(tuner.oracle.end_order))") == (True, 1)
    fits = kernel.value("len(fits)")
    kernel.run(f"%%tune {SEARCH} --trials 3 --name stopped --resume\n{slow}", 120)
    assert kernel.value("len(fits)") == fits + 2
    assert kernel.value("len(tuner.oracle.end_order)") == 3


@pytest.mark.costly
def test_a_search_goes_on_after_its_kernel_has_died(start_kernel, tmp_path):
    kernel = start_kernel()
    kernel.run(DATA + "import os, time\nfits = []")
    doomed = CELL + (
        "\nfits.append(1)\n"
        "if len(fits) == 3 and os.path.exists('doomed'): open('in the third', 'w').close(); time.sleep(60)"
    )
    kernel.run("open('doomed', 'w').close()")
    kernel.send(f"%%tune {SEARCH} --trials 4 --seed 7 --name died\n{doomed}")
    deadline = time.monotonic() + 60
    while not (tmp_path / "in the third").exists():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    kernel.manager.restart_kernel(now=True)
    kernel.client.wait_for_ready(timeout=60)
    kernel.run("%load_ext nbkeras")
    kernel.run(DATA + "import os, time\nfits = []\nos.remove('doomed')")
    kernel.run("%monitor died")
    head, trials = (each["data"]["text/plain"] for each in kernel.outputs("display_data"))
    assert re.match(r"died: interrupted \(.*\), random, 3 trials, ", head), head
    assert re.search(r"best: trial \d, val_loss \S+ in epoch \d, lr=\S+ units=", head)
    # The third one died behind its fit.
    assert told(trials) == ["1 finished", "2 finished", "3 finished"]
    line = f"%%tune {SEARCH} --trials 4 --seed 7 --name died"
    assert "go on with it by --resume" in error_line(kernel, f"{line}\n{doomed}")
    assert kernel.run(f"{line} --resume\n{doomed}", 120)["status"] == "ok"
    assert kernel.value("(len(fits), sorted(tuner.oracle.trials), sorted(tuner.oracle.end_order))") == (
        2,
        ["0", "1", "2", "3"],
        ["0", "1", "2", "3"],
    )
    score = kernel.value("float(tuner.oracle.get_best_trials()[0].score)")
    assert kernel.value("float(model.evaluate(x[18:], y[18:], verbose=0))") == pytest.approx(score, rel=1e-5)
    # The trials of the kernel that has died are in the view with their values.
    kernel.run("%monitor died")
    trials = kernel.outputs("display_data")[1]["data"]["text/plain"]
    assert told(trials) == ["1 finished", "2 finished", "3 finished", "4 finished"]
    assert " - " not in trials


def told(table):
    """Return each trial's number and status in a table as text."""
    rows = [row.replace("*", "").split() for row in table.splitlines()]
    assert rows[0] == ["trial", "status", "val_loss", "epoch", "lr", "units", "time"]
    return sorted(" ".join(row[:2]) for row in rows[1:])
