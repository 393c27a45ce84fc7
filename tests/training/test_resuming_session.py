"""``--backup`` in a notebook: run the cell again, and the training goes on where it was."""

from __future__ import annotations

import gc
import hashlib

import numpy as np
import pytest

import nbkeras
from nbkeras import Refusal, runs
from nbkeras.reproducibility import seeding

# The other line by make grid alone.
pytestmark = pytest.mark.costly("tf_keras")

EPOCHS = 4


@pytest.fixture(autouse=True)
def settings_of_others(monkeypatch):
    """Seeding a cell makes operations deterministic, for good; other tests want none of it."""
    monkeypatch.setattr(seeding, "_seeded", seeding._Seeded())
    yield
    from tensorflow.python.framework import config

    config.disable_op_determinism()


@pytest.fixture
def make(keras):
    """Make the model as a cell does."""

    def make(units=3, loss="mse", rate=0.01):
        keras.utils.set_random_seed(3)
        layers = keras.layers
        model = keras.Sequential([layers.Dense(units), layers.Dropout(0.3), layers.Dense(1)], name="net")
        model.compile(keras.optimizers.Adam(rate), loss)
        return model

    return make


@pytest.fixture
def stopper(keras):
    def stopper(step, how):
        seen = [0]

        class Stopper(keras.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                seen[0] += 1
                if seen[0] == step:
                    how(self)

            def get_state(self):
                return {}

            def set_state(self, state):
                pass

        return Stopper()

    return stopper


def interrupt(callback):
    raise KeyboardInterrupt


def stop(callback):
    callback.model.stop_training = True


@pytest.fixture
def cell(make, data, keras, monkeypatch):
    """Run a cell that makes and trains a model on arrays that are shuffled."""
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", str(int(keras.__name__ == "tf_keras")))
    x, y = data
    y = y.astype("float32")

    def cell(*callbacks, made=None, rows=96, epochs=EPOCHS, **options):
        with nbkeras.fitting(quiet=True, **options) as session:
            model = make(**(made or {}))
            arguments = {"validation_split": 0.25, "epochs": epochs, "verbose": 0}
            history = model.fit(x[:rows], y[:rows], callbacks=list(callbacks), **arguments)
        return digest(model), history, session.run

    return cell


def digest(model):
    held = [*model.variables, *model.optimizer.variables]
    return hashlib.sha256(b"".join(np.asarray(each).tobytes() for each in held)).hexdigest()


@pytest.mark.costly("tf_keras")
@pytest.mark.parametrize("how", [interrupt, stop])
def test_the_cell_run_again_ends_as_if_it_had_not_been_stopped(cell, stopper, tmp_path, how):
    options = {"backup": tmp_path / "b", "every": 1}
    expected, whole, _ = cell(stopper(99, how), backup=tmp_path / "other", every=1, seed=5)
    try:
        cell(stopper(5, how), **options, seed=5)
    except KeyboardInterrupt:
        assert how is interrupt
    first = runs.latest()
    received, history, run = cell(stopper(99, how), **options, seed=5)
    assert received == expected
    assert history.history == whole.history
    assert history.epoch == list(range(EPOCHS))
    # One run, one curve, a mark.
    assert run.id == first.id
    assert run.status == "finished"
    assert run.history["loss"] == whole.history["loss"]
    assert run.epoch_numbers("loss") == [1, 2, 3, 4]
    assert run.progress.done == 3 * EPOCHS
    assert [(event.step, event.text) for event in run.events if "resumed" in event.text] == [
        (5 - (how is interrupt), "resumed from a backup")
    ]
    assert [each.id for each in runs.all()].count(run.id) == 1


@pytest.mark.parametrize("keras", ["keras"], indirect=True)
def test_arrays_have_an_order_that_is_kept_without_a_seed(cell, stopper, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        cell(stopper(7, interrupt), backup=tmp_path / "b", every="epoch")
    _, history, run = cell(backup=tmp_path / "b")
    assert len(history.history["loss"]) == EPOCHS
    notes = " ".join(run.notes)
    assert "by --backup" in notes
    assert "resumes at the end of epoch 2 from backup-000002" in notes
    assert "not exact" not in notes


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("keras", ["keras"], indirect=True)
def test_tensorboard_goes_on_in_one_directory(cell, stopper, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    options = {"backup": tmp_path / "b", "every": 2, "tensorboard": tmp_path / "events"}
    with pytest.raises(KeyboardInterrupt) as left:
        # The second epoch's end comes after the backup, and comes again.
        cell(stopper(7, interrupt), **options)
    *_, run = cell(**options)
    # A writer that nobody has closed writes what it still has when it goes.
    del left
    gc.collect()
    assert [path.name for path in (tmp_path / "events").iterdir()] == [run.id]
    for part in ("train", "validation"):
        read = EventAccumulator(str(tmp_path / "events" / run.id / part)).Reload()
        assert [each.step for each in read.Tensors("epoch_loss")] == list(range(EPOCHS))


@pytest.mark.parametrize("keras", ["keras"], indirect=True)
def test_another_process_s_run_is_reopened(cell, stopper, tmp_path):
    """The log has the run of a process that is gone; the run comes in its place."""
    with pytest.raises(KeyboardInterrupt):
        cell(stopper(7, interrupt), backup=tmp_path / "b", every="epoch")
    from nbkeras.runs import registry

    earlier = runs.latest()
    registry.drop([earlier.id])
    _, _, run = cell(backup=tmp_path / "b")
    registry.drop([run.id])
    stored = runs.all()[-1]
    assert stored.id == earlier.id
    assert stored.epoch_numbers("loss") == [1, 2, 3, 4]
    assert stored.created == pytest.approx(earlier.created)
    assert "resumed from a backup" in [event.text for event in stored.events]


@pytest.mark.parametrize("keras", ["keras"], indirect=True)
def test_a_finished_training_asks_and_takes_more_epochs(cell, tmp_path):
    _, whole, _ = cell(backup=tmp_path / "w", seed=1, epochs=EPOCHS + 2)
    cell(backup=tmp_path / "b", seed=1)
    with pytest.raises(Refusal, match=r"finished after 4 epochs .*--restart .* or give more epochs"):
        cell(backup=tmp_path / "b", seed=1)
    _, history, _ = cell(backup=tmp_path / "b", seed=1, epochs=EPOCHS + 2)
    assert history.history == whole.history
    _, history, _ = cell(backup=tmp_path / "b", seed=1, restart=True)
    assert len(history.epoch) == EPOCHS


@pytest.mark.parametrize("keras", ["keras"], indirect=True)
def test_another_training_is_refused_and_nothing_has_changed(cell, stopper, tmp_path):
    options = {"backup": tmp_path / "b", "every": 1, "seed": 5}
    with pytest.raises(KeyboardInterrupt):
        cell(stopper(5, interrupt), **options)
    before = {path.name: path.read_bytes() for path in (tmp_path / "b").glob("*.h5")}
    for changed, words in [
        ({"made": {"units": 4}}, r"layer 1 \(Dense\) with units=4, the backup's has units=3"),
        ({"made": {"loss": "mae"}}, "the loss mae, the backup's is mse"),
        ({"made": {"rate": 0.5}}, "learning_rate=0.5, the backup's has learning_rate=0.01"),
        ({"batch_size": 16}, "batch_size=16, the backup's is None"),
        ({"rows": 60}, "data .*, the backup's"),
        ({"seed": 8}, "type  --seed 5"),
        ({"epochs": 1}, "expected 2 epochs or more, received 1"),
    ]:
        with pytest.raises(Refusal, match=words) as caught:
            cell(**{**options, **changed})
        assert "--restart" in str(caught.value)
        assert "\n" not in str(caught.value)
    assert before == {path.name: path.read_bytes() for path in (tmp_path / "b").glob("*.h5")}
    _, history, _ = cell(**options)
    assert len(history.epoch) == EPOCHS


def test_another_setting_of_the_process_is_said(cell, stopper, tmp_path, monkeypatch):
    import tensorflow as tf

    options = {"backup": tmp_path / "b", "every": 1}
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    with pytest.raises(KeyboardInterrupt):
        cell(stopper(5, interrupt), **options)
    # As in a new kernel with other settings.
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    tf.config.experimental.enable_op_determinism()
    cell(**options)
    (said,) = [note for note in runs.latest().notes if "the backup was made with" in note]
    others = "op determinism off (here on), TF_ENABLE_ONEDNN_OPTS not set (here 0)"
    assert said == f"not exact: the backup was made with {others}"


def test_a_fit_after_an_interrupted_replay_trains(cell, make, stopper, data, tmp_path, monkeypatch):
    """What stands in for the training step goes with the fit that it was for."""
    options = {"backup": tmp_path / "b", "every": 1}
    with pytest.raises(KeyboardInterrupt):
        cell(stopper(8, interrupt), **options)
    from nbkeras.callbacks.backup import replay

    draw, models = replay.draw, []

    def failing(iterator, count):
        import sys

        models.append(sys._getframe(1).f_locals["self"]._model)
        raise KeyboardInterrupt

    monkeypatch.setattr(replay, "draw", failing)
    with pytest.raises(KeyboardInterrupt):
        cell(**options)
    monkeypatch.setattr(replay, "draw", draw)
    before = digest(models[0])
    models[0].fit(*data, verbose=0, validation_data=data)
    assert digest(models[0]) != before


def test_callbacks_without_a_state_and_unseeded_data_are_named(keras, make, data, tmp_path):
    import tensorflow as tf

    class Mine(keras.callbacks.Callback):
        pass

    model = make()
    tf.random.set_seed(None)
    x, y = data
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(9)
    dataset = dataset.map(lambda a, b: (a, b), num_parallel_calls=2, deterministic=False).batch(32)
    with nbkeras.fitting(quiet=True, backup=tmp_path / "b") as session:
        model.fit(dataset, callbacks=[Mine()], shuffle=False)
    notes = "\n".join(session.run.notes)
    assert "Mine has no get_state: it begins anew" in notes
    assert "not exact: shuffle has no seed" in notes
    assert "not exact: map with deterministic=False" in notes
    assert f"backs up to {tmp_path / 'b'} every 30s by --backup" in notes
    assert ("Dropout draws from operations" in notes) == (keras.__name__ == "tf_keras")


@pytest.mark.parametrize("keras", ["keras"], indirect=True)
def test_a_loss_of_nan_and_a_full_disk_leave_the_backup_alone(make, data, tmp_path, monkeypatch):
    from nbkeras.callbacks.backup import durable

    def full(path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(durable, "_sync", full)
    with nbkeras.fitting(quiet=True, backup=tmp_path / "b", every=1) as session:
        make().fit(*data)
    assert "no backup: No space left on device; the training goes on" in session.run.notes
    monkeypatch.undo()
    with nbkeras.fitting(quiet=True, backup=tmp_path / "c", every=1) as session:
        make(rate=1e30).fit(*data, epochs=3)
    assert any("no backup at a loss of" in note for note in session.run.notes)


def test_options_that_cannot_be_meant(tmp_path):
    for options, words in [
        ({"backup": tmp_path, "every": "soon"}, "every: expected  epoch , a number of steps or a time"),
        ({"backup": tmp_path, "every": 0}, "every: expected"),
        ({"backup": tmp_path, "every": "-3s"}, "every: expected"),
        ({"every": "epoch"}, "every: expected a directory for the backups"),
        ({"restart": True}, "restart: expected a directory for the backups"),
        ({"reuse": True}, "reuse: expected a directory for the backups"),
        ({"backup": tmp_path, "restart": True, "reuse": True}, "reuse: expected no --restart beside it"),
        ({"backup": "/dev/null/b"}, "backup: expected a place that can be written"),
        ({"backup": "."}, "backup: expected a directory for the backups alone, received '.': give  backups"),
        ({"backup": ""}, "backup: expected a directory for the backups alone, received ''"),
        ({"backup": ".."}, "backup: expected a directory for the backups alone, received '..'"),
        ({"backup": "/"}, "backup: expected a "),
    ]:
        with pytest.raises(Refusal) as caught, nbkeras.fitting(**options):
            pytest.fail("the block must not run")
        assert words in str(caught.value)
    assert not any(tmp_path.iterdir())


def test_the_plain_code_has_the_callback(keras, make, data, tmp_path, monkeypatch):
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", str(int(keras.__name__ == "tf_keras")))
    from nbkeras.training.options import fit_options
    from nbkeras.training.plain_code import plain_code

    model, (x, y) = make(), data
    options = fit_options(backup="b", every="epoch", csv="log.csv")
    code = plain_code("history = model.fit(x, y, verbose=0)", options, {"model": model})
    assert "import nbkeras" in code
    assert "nbkeras.ExactBackup('b', every='epoch')," in code
    assert "# nbkeras: arrays are shuffled by Keras here" in code
    scope = {"model": model, "x": x, "y": y}
    exec(code, scope)  # noqa: S102 - what it is for
    assert sorted(path.name for path in (tmp_path / "b").glob("*.json")) == ["backup-000001.json"]


@pytest.fixture
def plain(make, data, stopper, tmp_path, monkeypatch, keras):
    """Call a plain fit with the callback, as a cell without a magic does."""
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", str(int(keras.__name__ == "tf_keras")))

    def plain(*callbacks, dataset=None, epochs=3, **options):
        x, y = data
        given = {"x": x, "y": y, "shuffle": False} if dataset is None else {"x": dataset, "shuffle": False}
        own = nbkeras.ExactBackup(tmp_path / "b", every=1, **options)
        return make().fit(**given, epochs=epochs, verbose=0, callbacks=[own, *callbacks]).history

    return plain


def test_a_plain_fit_that_was_interrupted_holds_nothing(plain, stopper, capsys):
    with pytest.raises(KeyboardInterrupt):
        plain(stopper(5, interrupt))
    with pytest.raises(Refusal, match=r"expected 2 epochs or more, received 1: the backup .* is at epoch 2"):
        plain(epochs=1)
    history = plain()
    assert len(history["loss"]) == 3
    said = capsys.readouterr().out
    assert "nbkeras: resumes at epoch 2, step 1 from backup-000004" in said
    with pytest.raises(Refusal, match="is finished after 3 epochs"):
        plain()
    assert plain(reuse=True) == history
    assert "nbkeras: finished after 3 epochs: gives what it came to" in capsys.readouterr().out


@pytest.mark.parametrize("keras", ["keras"], indirect=True)
def test_the_run_of_a_plain_fit_s_monitor_goes_on(plain, stopper):
    monitor = nbkeras.Monitor(view=False)
    with pytest.raises(KeyboardInterrupt):
        plain(stopper(5, interrupt), monitor)
    first = monitor.run
    monitor = nbkeras.Monitor(view=False)
    plain(monitor)
    assert monitor.run.id == first.id
    assert monitor.run.epoch_numbers("loss") == [1, 2, 3]


@pytest.mark.parametrize("keras", ["keras"], indirect=True)
def test_another_backup_beside_it_and_data_of_an_earlier_cell(keras, plain, data, tmp_path, stopper, capsys):
    import tensorflow as tf

    with pytest.raises(Refusal, match="received BackupAndRestore: take it out"):
        plain(keras.callbacks.BackupAndRestore(tmp_path / "k"))
    dataset = tf.data.Dataset.from_tensor_slices(data).shuffle(9, seed=1).batch(32)
    with pytest.raises(KeyboardInterrupt):
        plain(stopper(5, interrupt), dataset=dataset)
    assert "not exact" not in capsys.readouterr().out
    plain(dataset=dataset.prefetch(1))
    assert "not exact: the data were read before in this kernel" in capsys.readouterr().out


@pytest.mark.costly
@pytest.mark.parametrize("keras", ["keras"], indirect=True)
def test_the_second_fit_of_a_cell_goes_on(make, data, stopper, tmp_path):
    """The first one is finished: it passes, with what it came to."""

    def cell(step, place, **options):
        with nbkeras.fitting(
            quiet=True, seed=3, epochs=2, every=1, backup=tmp_path / place, **options
        ) as armed:
            model, stop = make(), stopper(step, interrupt)
            histories = [model.fit(*data, batch_size=48, callbacks=[stop]).history for _ in range(2)]
        return digest(model), histories, [run.progress.done for run in armed.runs]

    expected = cell(99, "whole")
    with pytest.raises(KeyboardInterrupt):
        cell(7, "b")
    assert cell(99, "b") == expected
    with pytest.raises(Refusal, match="finished after 2 epochs"):
        cell(99, "b")
    with pytest.raises(KeyboardInterrupt):
        cell(3, "b", restart=True)
    # What the second one had gone on from is done anew.
    assert not (tmp_path / "b-2").exists()
