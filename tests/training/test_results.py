"""Each run has its stamp and the fingerprints of what it came to, in the log too."""

from __future__ import annotations

import time

import numpy as np
import pytest

import nbkeras
from nbkeras.reproducibility.stamp import of_record
from nbkeras.runs.log import place, reader, writer
from nbkeras.widgets.stamp import differences_bundle, stamp_bundle


def stored(run):
    """Read a run back from the log's file."""
    writer.flush(place.current())
    return next(each for each in reader.load(place.current()) if each.id == run.id)


def train(model, data, seed, **options):
    with nbkeras.fitting(quiet=True, **options) as session:
        rng = np.random.default_rng(seed)
        model.set_weights([rng.random(w.shape) for w in model.get_weights()])
        model.fit(*data, epochs=2, verbose=0, shuffle=False)
    return session.run


def test_stamp_and_fingerprints_are_stored_with_the_run(model, data):
    run = train(model, data, 1)
    stamp = of_record(stored(run).environment)
    assert stamp["versions"]["numpy"] == np.__version__
    assert "numpy" in stamp["packages"]
    assert stamp["fingerprint"]["data"]["x"].endswith("float32[96, 4]")
    assert set(stamp["fingerprint"]) == {"weights", "optimizer", "history", "data"}
    text = stamp_bundle(stamp, run.name)["text/plain"]
    assert text.startswith("Stamp of small\n")
    assert f"{len(stamp['packages'])} packages" in text


def test_two_runs_are_compared_by_what_they_came_to(keras, data):
    def made(seed):
        layers = [keras.layers.Input((4,)), keras.layers.Dense(2, activation="softmax")]
        model = keras.Sequential(layers)
        model.compile("sgd", "sparse_categorical_crossentropy")
        return of_record(stored(train(model, data, seed)).environment)

    one, same, other = made(1), made(1), made(2)
    title = differences_bundle(one, same, ["one", "same"])["text/plain"].splitlines()[0]
    assert title == "data the same · weights the same · optimizer the same · history the same"
    title = differences_bundle(one, other, ["one", "other"])["text/plain"].splitlines()[0]
    # Plain SGD has slots on one line and none on the other.
    assert title.startswith("data the same · weights differ · optimizer ")
    assert title.endswith("history differs")


def test_data_whose_values_nobody_has_read_are_not_called_the_same(keras, data):
    import tensorflow as tf

    x, y = data

    def made(scale):
        model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(2, activation="softmax")])
        model.compile("sgd", "sparse_categorical_crossentropy")
        dataset = tf.data.Dataset.from_tensor_slices((x * scale, y)).batch(16)
        with nbkeras.fitting(quiet=True) as session:
            model.fit(dataset, shuffle=False, verbose=0)
        return of_record(stored(session.run).environment)

    title = differences_bundle(made(1), made(2), ["one", "other"])["text/plain"].splitlines()[0]
    assert title.startswith("data alike, their values not read · weights ")


def test_a_training_that_fails_has_a_stamp_and_no_fingerprint(model, data):
    def fail(epoch, logs):
        raise RuntimeError("disk gone")

    keras = __import__(type(model).__module__.partition(".")[0])
    callback = keras.callbacks.LambdaCallback(on_epoch_end=fail)
    with nbkeras.fitting(quiet=True) as session, pytest.raises(RuntimeError):
        model.fit(*data, callbacks=[callback], verbose=0)
    stamp = of_record(stored(session.run).environment)
    assert "fingerprint" not in stamp
    assert differences_bundle(stamp, stamp, "ab")["text/plain"].startswith("no fingerprints: ")


def test_evaluate_has_a_stamp(model, data):
    with nbkeras.fitting(quiet=True) as session:
        model.evaluate(*data, verbose=0)
    assert "packages" in of_record(stored(session.run).environment)


def test_a_stamp_that_fails_ends_no_training(model, data, monkeypatch):
    def broken():
        raise OSError("no disk")

    monkeypatch.setattr("nbkeras.reproducibility.stamped_runs.quick_facts", broken)
    run = train(model, data, 1)
    assert run.status == "finished"
    assert "this run has no stamp: OSError: no disk" in run.notes


def test_short_runs_share_what_takes_long_to_read(model, data, monkeypatch):
    """A thousand short fits in a large repository must not ask git a thousand times."""
    asked = []

    def slow():
        asked.append(1)
        time.sleep(0.2)
        return {"git": {"commit": "abc"}}

    monkeypatch.setattr("nbkeras.reproducibility.stamped_runs.slow_facts", slow)
    monkeypatch.setattr("nbkeras.reproducibility.stamped_runs.SHARE", 1e-3)
    stamps = [of_record(train(model, data, 1).environment) for _ in range(3)]
    assert [each["git"]["commit"] for each in stamps] == ["abc"] * 3
    assert len(asked) == 1


def test_a_stamp_whose_slow_part_fails_says_so(model, data, monkeypatch):
    def broken():
        raise OSError("no disk")

    monkeypatch.setattr("nbkeras.reproducibility.stamped_runs.slow_facts", broken)
    run = train(model, data, 1)
    assert "the stamp has neither packages nor commit: OSError: no disk" in run.notes
    assert of_record(run.environment)["versions"]["numpy"] == np.__version__


def test_a_process_without_more_threads_and_directory_stamps_its_runs(tmp_path, monkeypatch):
    from nbkeras.reproducibility import stamped_runs
    from nbkeras.runs.run import Run

    def refuse(_):
        raise RuntimeError("can't start new thread")

    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    monkeypatch.setattr(stamped_runs.threading.Thread, "start", refuse)
    run = Run("fit", "small")
    stamped_runs.stamp_run(run)
    run.finish("finished")
    stamp = of_record(run.environment)
    assert "numpy" in stamp["packages"]
    assert stamp["git"] == {}
    assert run.notes == []
    monkeypatch.chdir(tmp_path)
