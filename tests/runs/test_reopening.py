"""A run that goes on is one run: what came after its backup comes again, in the same place of the log."""

from __future__ import annotations

import pytest

from nbkeras import runs
from nbkeras.runs.log import reader, writer


def go_on(first, steps, epochs, history=None):
    return runs.begin(
        "fit", "again", {"epochs": 3}, {}, id=first.id, continues=(steps, epochs), history=history
    )


@pytest.mark.parametrize("same_kernel", [True, False])
def test_the_run_goes_on_in_its_place(train, log, forget, same_kernel):
    other = train("other")
    first = train("net", epochs=2, steps=10, finish=False)
    first.add_event("learning rate set to 0.1")
    first.progress.done = 5
    first.finish("interrupted")
    assert writer.flush(log)
    created = first.created
    if not same_kernel:
        forget(log)
    run = go_on(first, steps=12, epochs=1)
    run.tick()
    assert run.created == created
    assert run.steps("loss").steps.tolist() == list(range(1, 13))
    assert run.history == {"loss": [1.0], "val_loss": [2.0]}
    run.record_step(13, {"loss": 9.0})
    run.record_epoch(2, {"loss": 0.25, "val_loss": 0.5})
    run.finish("finished")
    forget(log)
    stored = [each for each in runs.all() if each.id == first.id]
    assert len(stored) == 1
    assert stored[0].steps("loss").steps.tolist() == list(range(1, 14))
    assert stored[0].steps("loss").values.tolist()[-1] == 9.0
    assert stored[0].history == {"loss": [1.0, 0.25], "val_loss": [2.0, 0.5]}
    assert stored[0].name == "again"
    assert runs.get(other.id).name == "other"


def test_events_after_the_backup_are_not_kept(train, log):
    first = train("net")
    for step in (3, 15):
        first.progress.done = step
        first.add_event(f"at {step}")
    assert [event.text for event in go_on(first, steps=12, epochs=1).events] == ["at 3"]


def test_what_is_in_the_log_stays_until_something_takes_its_place(train, log, forget):
    first = train("net")
    forget(log)
    before = len(reader.load(log))
    runs.begin("fit", "again", {}, {}, id=first.id, continues=(12, 1))
    writer.flush(log)
    [stored] = reader.load(log)
    assert before == 1
    # Nothing has been told yet: a kernel that ends now has lost nothing.
    assert stored.name == "net"
    assert len(stored.steps("loss").steps) == 20


@pytest.mark.parametrize("known", [True, False])
def test_epochs_that_the_log_lacks_come_from_the_backup(train, log, known):
    """A killed kernel may not have logged its last second, and a log may be gone."""
    first = train("net", epochs=2, steps=10)
    history = {"loss": {1: 7.0, 2: 8.0, 3: 0.25, 4: 0.1}, "val_loss": {3: 0.5}}
    if not known:
        runs.delete(first.id)
    run = go_on(first, steps=30, epochs=3, history=history)
    # What it has itself stays; the fourth epoch comes again.
    assert run.epoch_numbers("loss") == [1, 2, 3]
    if known:
        assert run.history["loss"] == [*first.history["loss"], 0.25]
        assert run.history["val_loss"] == [*first.history["val_loss"], 0.5]
    else:
        assert run.history == {"loss": [7.0, 8.0, 0.25], "val_loss": [0.5]}
    run.finish("finished")


def test_a_run_that_nobody_knows_any_more_begins_anew(log):
    run = runs.begin("fit", "net", {}, {}, id="20261123-165512-3f2a", continues=(12, 1))
    assert run.metrics == ()
    assert not run.reopened
