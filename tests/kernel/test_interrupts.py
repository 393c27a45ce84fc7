"""Stop, pause, learning rate and interrupt in real kernels, while the cell is running.

No TensorFlow here: `nbkeras.track` is a real loop with the same recorder as ``fit``.
"""

from __future__ import annotations

import time
import uuid

import pytest

pytestmark = pytest.mark.kernel

VERSIONS = ["6.31.0", "7.0.1", "7.3.0", "7.4.0"]
WITH_SUBSHELLS = VERSIONS[1:]

LOOP = """
import nbkeras, time
class Optimizer: learning_rate = 0.1
optimizer = Optimizer()
tracked = nbkeras.track(range(10**9), epochs=3, optimizer=optimizer)
for epoch in tracked:
    for number in epoch:
        epoch.log(loss=1 / (1 + number))
        if number == 20:
            print("under way")
        time.sleep(0.01)
print("the rest of the cell runs")
"""


@pytest.fixture(params=VERSIONS)
def kernel(request, start_kernel, ipykernel):
    kernel = start_kernel([ipykernel(request.param)])
    assert kernel.value("__import__('ipykernel').__version__") == request.param
    return kernel


# ipykernel 6 handles no comm while a cell runs.
hears_comms = pytest.mark.parametrize("kernel", WITH_SUBSHELLS, indirect=True)


@pytest.fixture
def comm(kernel):
    """The channel that a view opens, on which the kernel never publishes."""
    subshell, comm_id = kernel.subshell(), uuid.uuid4().hex

    def send(**data):
        run = kernel_run_id(kernel)
        if send.closed:
            content = {"comm_id": comm_id, "target_name": "nbkeras.control", "data": {"run": run}}
            kernel.comm("comm_open", content, subshell)
            send.closed = False
        kernel.comm("comm_msg", {"comm_id": comm_id, "data": {"run": run, **data}}, subshell)

    send.closed = True
    return send


def kernel_run_id(kernel):
    """Read the run's id from what the kernel has displayed, as a view does."""
    display = next(m for m in kernel.messages if m["msg_type"] == "display_data")
    return display["content"]["data"]["application/vnd.nbkeras.monitor+json"]["run"]


def test_first_interrupt_ends_the_training_and_the_cell_goes_on(kernel):
    cell = kernel.send(LOOP)
    kernel.until_printed("under way")
    kernel.interrupt()
    assert kernel.wait(cell)["status"] == "ok"
    assert "the rest of the cell runs" in kernel.text()
    assert kernel.value("(tracked.run.status, tracked.run.reason)") == ("stopped", "interrupt")
    # SIGINT is the kernel's own again.
    cell = kernel.send("print('asleep', flush=True)\ntime.sleep(60)")
    kernel.until_printed("asleep")
    kernel.interrupt()
    assert kernel.wait(cell)["ename"] == "KeyboardInterrupt"


def test_second_interrupt_raises(kernel):
    cell = kernel.send(LOOP.replace("time.sleep(0.01)", "time.sleep(30 if number == 21 else 0.01)"))
    kernel.until_printed("under way")
    kernel.interrupt()
    # The first one is taken in silence; two at once would be one to the operating system.
    time.sleep(0.5)
    kernel.interrupt()
    assert kernel.wait(cell)["ename"] == "KeyboardInterrupt"
    assert kernel.value("tracked.run.status") == "interrupted"


@pytest.mark.parametrize("kernel", ["7.4.0"], indirect=True)
def test_each_cell_of_a_monitored_notebook_has_a_graceful_interrupt(kernel):
    """The count of interrupts is the cell's, also where the session is the notebook's."""
    kernel.run("from nbkeras.magics import switch\n%nbkeras on")
    kernel.run("switch._session.interrupts.seen = 1")
    assert kernel.value("switch._session.interrupts.seen") == 1
    kernel.run("None")
    assert kernel.value("switch._session.interrupts.seen") == 0


@hears_comms
def test_stop_button(kernel, comm):
    kernel.run("import nbkeras.callbacks.interrupt as theirs\ntheirs.ECHO = 60")
    cell = kernel.send(f"{LOOP}\ntime.sleep(0.3)")
    kernel.until_printed("under way")
    comm(type="stop")
    # The view interrupts, too, and the run may have ended just before that.
    kernel.until_printed("the rest of the cell runs")
    kernel.interrupt()
    assert kernel.wait(cell)["status"] == "ok"
    assert kernel.value("(tracked.run.status, tracked.run.reason)") == ("stopped", "stop button")


@hears_comms
def test_pause_resume_and_learning_rate(kernel, comm):
    cell = kernel.send(LOOP)
    kernel.until_printed("under way")
    comm(type="learning_rate", value=0.025)
    comm(type="pause")
    kernel.until(lambda m: "paused" in str(m["content"]))
    comm(type="resume")
    kernel.until(lambda m: "resumed" in str(m["content"]))
    comm(type="stop")
    assert kernel.wait(cell)["status"] == "ok"
    assert kernel.value("optimizer.learning_rate") == 0.025
    texts = kernel.value("[event.text for event in tracked.run.events]")
    assert texts == ["learning rate set to 0.025", "paused", "resumed", "stopping: stop button"]


@hears_comms
def test_messages_for_another_run_do_nothing(kernel, comm):
    cell = kernel.send(LOOP.replace("10**9", "150").replace("epochs=3", "epochs=1"))
    kernel.until_printed("under way")
    comm(type="stop", run="20000101-000000-aaaa")
    assert kernel.wait(cell)["status"] == "ok"
    assert kernel.value("tracked.run.status") == "finished"


@pytest.mark.parametrize("kernel", ["6.31.0"], indirect=True)
def test_old_kernel_says_what_it_cannot_do(kernel):
    kernel.run("import nbkeras\nfor epoch in nbkeras.track([1]):\n    list(epoch)")
    bundle = kernel.outputs("display_data")[0]["data"]["application/vnd.nbkeras.monitor+json"]
    controls = bundle["content"]["run"]["controls"]
    assert controls["pause"] is controls["learning_rate"] is False
    assert controls["hint"] == "Pause and learning rate need ipykernel 7 or later (here: 6.31)."
