"""Stop, pause and learning rate reach all workers after the same step."""

from __future__ import annotations

import os
import signal
import textwrap
import threading
import time

import pytest

from nbkeras import Refusal
from tests.cluster.conftest import costly

ENDLESS = """
x = np.ones((96, 4), "float32")
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
history = model.fit(x, x[:, :1], batch_size=16, epochs=100_000, verbose=0)
optimizer = model.optimizer
print((len(history.epoch), int(optimizer.iterations.numpy()), float(optimizer.learning_rate.numpy())))
"""


def until(condition):
    while not condition():
        time.sleep(0.02)


def test_interrupt_stops_all_and_the_cell_goes_on(notebook, during, python_interrupts):
    during(lambda _: os.kill(os.getpid(), signal.SIGINT))
    (run,) = notebook.run(ENDLESS)
    assert notebook.printed[0] == notebook.printed[1] != ""
    assert (run.status, run.reason) == ("stopped", "interrupt")
    assert notebook.cluster.runs


def test_pause_learning_rate_and_stop(notebook, during):
    paused = []

    def act(run):
        run.control.pause()
        until(lambda: run.status == "paused")
        paused.append(run.progress.done)
        time.sleep(0.5)
        paused.append(run.progress.done)
        run.control.resume()
        until(lambda: run.progress.done > paused[1])
        run.control.set_learning_rate(0.003)
        until(lambda: run.progress.learning_rate and abs(run.progress.learning_rate - 0.003) < 1e-6)
        run.control.stop()

    during(act)
    (run,) = notebook.run(ENDLESS)
    assert paused[0] == paused[1]
    assert notebook.printed[0] == notebook.printed[1]
    assert notebook.printed[0].rstrip().endswith("0.003000000026077032)")
    assert (run.status, run.reason) == ("stopped", "stop button")


def test_a_stop_in_evaluate_ends_that_and_no_later_call(notebook, during):
    during(lambda run: run.control.stop())
    cell = """
    x = np.ones((96, 4), "float32")
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    def batches():
        while True:
            yield x[:16], x[:16, :1]
    import tensorflow as tf
    shapes = tf.TensorSpec((16, 4)), tf.TensorSpec((16, 1))
    data = tf.data.Dataset.from_generator(batches, output_signature=shapes)
    model.evaluate(data.take(100_000), verbose=0)
    """
    with pytest.raises(KeyboardInterrupt):
        notebook.run(textwrap.dedent(cell))
    assert notebook.cluster.runs
    (run,) = notebook.run(ENDLESS.replace("100_000", "3"))
    assert (run.status, run.progress.done) == ("finished", 18)


def test_a_monitor_of_the_cell_obeys_too(notebook, during):
    """It has a name and a class of its own, and does the work of the one that the cell would be given."""

    def act(run):
        run.control.set_learning_rate(0.003)
        until(lambda: run.progress.learning_rate and abs(run.progress.learning_rate - 0.003) < 1e-6)
        run.control.stop()

    during(act)
    begin = "import nbkeras\nclass Own(type(nbkeras.Monitor())): pass\nown = Own(name='mine', view=False)"
    own = ENDLESS.replace("verbose=0", "verbose=0, callbacks=[own]")
    (run,) = notebook.run(f"{begin}\n{own}")
    assert (run.name, run.status, run.reason) == ("mine", "stopped", "stop button")
    assert notebook.printed[0] == notebook.printed[1] != ""
    assert notebook.value("isinstance(own, Own)") == [True, True]
    limited = own.replace("[own]", "[nbkeras.Monitor(max_time='2s')]")
    with pytest.raises(Refusal, match=r"Monitor: expected one without max_time, .* %%cluster --max-time 2s"):
        notebook.run(limited)
    assert notebook.cluster.runs


def test_a_loop_says_that_it_hears_nothing(notebook):
    (run,) = notebook.run("import nbkeras\nfor epoch in nbkeras.track(range(3)):\n    print(list(epoch))")
    assert (run.kind, run.status, run.progress.done) == ("loop", "finished", 3)
    assert "a loop on a cluster hears no stop, pause or learning rate: two interrupts leave" in run.notes[0]


def test_a_cell_that_captures_its_outputs_is_heard(notebook):
    """The capture takes what is displayed; what a worker tells the notebook goes on."""
    held = "from IPython.utils.capture import capture_output\nwith capture_output() as held:\n"
    (run,) = notebook.run(held + textwrap.indent(f"display(3)\n{ENDLESS.replace('100_000', '2')}", "    "))
    assert (run.status, run.progress.done) == ("finished", 12)
    assert notebook.printed == {0: "", 1: ""}
    assert notebook.value("(len(held.outputs), held.stdout[:6])") == [(1, "(2, 12")] * 2


def test_time_limit(notebook):
    (run,) = notebook.run(ENDLESS, max_time=0.5, name="short")
    assert run.name == "short"
    assert notebook.printed[0] == notebook.printed[1] != ""
    assert (run.status, run.reason) == ("stopped", "time limit of 0.5s")


@costly
def test_early_stopping_comes_to_the_same_epoch(notebook):
    cell = ENDLESS.replace("epochs=100_000, ", "").replace('"sgd"', "keras.optimizers.SGD(0.0)")
    (run,) = notebook.run(cell, epochs=500, early_stopping="loss:2")
    assert notebook.printed[0] == notebook.printed[1] == "(3, 18, 0.0)\n"
    assert (run.status, run.progress.epoch) == ("finished", 3)


@costly
def test_an_interrupt_leaves_no_worker_in_the_steps_of_another(notebook, python_interrupts):
    notebook.run("")
    # The first asks for a stop after a step, which never comes.
    for after in (4.0, 5.5):
        threading.Timer(after, os.kill, (os.getpid(), signal.SIGINT)).start()
    cell = ENDLESS.replace("epochs=100_000", "epochs=1 + ('\"index\": 0' in os.environ['TF_CONFIG'])")
    with pytest.raises(KeyboardInterrupt):
        notebook.run(cell)
    assert not notebook.cluster.runs
    assert notebook.value("1 + 1") == [2, 2]


@costly
def test_second_interrupt_ends_workers_that_wait(notebook, during, python_interrupts):
    def act(_):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGINT)

    stuck = "time.sleep(3600 if rank else 0)"
    callback = f"keras.callbacks.LambdaCallback(on_train_batch_end=lambda step, logs: step == 1 and {stuck})"
    during(act)
    with pytest.raises(KeyboardInterrupt):
        notebook.run(ENDLESS.replace("verbose=0", f"verbose=0, callbacks=[{callback}]"))
    assert not notebook.cluster.runs
    assert notebook.value("1 + 1") == [2, 2]
