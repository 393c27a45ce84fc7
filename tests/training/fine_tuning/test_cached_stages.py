"""A stage that trains the head alone trains it on outputs of the base that are computed once, as exactly."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import nbkeras
from nbkeras import Stage
from nbkeras.callbacks.backup.randomness import read_random
from nbkeras.models.cached import features as features_file
from nbkeras.training.fine_tuning import kept

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(48, 6, 6, 1)).astype("float32")
Y = np.arange(48) % 3
WEIGHTS = np.linspace(0, 2, 48).astype("float32")
STAGES = [Stage("head", epochs=2), Stage("head", epochs=1, learning_rate=0.1), Stage("c2", epochs=1)]
BOTH = pytest.mark.parametrize(
    "keras", ["keras", pytest.param("tf_keras", marks=pytest.mark.costly)], indirect=True
)


def batches(x, y, *more):
    return tf.data.Dataset.from_tensor_slices((x, y, *more)).batch(16)


FORMS = {
    "arrays": ((X, Y), {"validation_split": 0.25, "sample_weight": WEIGHTS, "batch_size": 16}),
    "classes": ((X, Y), {"validation_data": (X[:9], Y[:9]), "class_weight": {0: 1.0, 1: 2.0, 2: 0.5}}),
    "dataset": ((batches(X, Y, WEIGHTS),), {"validation_data": batches(X[:20], Y[:20])}),
    "odd batches": ((batches(X[:20], Y[:20]).concatenate(batches(X[20:], Y[20:])),), {}),
    "held out as it is": ((X, Y), {"validation_data": batches(X[:20], Y[:20]).shuffle(2)}),
}


def trained(keras, make, form, *, seed=None, stages=STAGES, **options):
    """Fine-tune, and tell all that came of it; the same seed means the same batches and dropout."""
    model = make(head=[keras.layers.Dropout(0.4, seed=3)])
    data, given = FORMS[form]
    keras.utils.set_random_seed(5)
    result = nbkeras.fine_tune(model, *data, stages=stages, seed=seed, quiet=True, **given, **options)
    variables = [*model.get_weights(), *(each.numpy() for each in model.optimizer.variables)]
    return result, variables, {name: repr(value) for name, value in read_random().items()}


def near(one, other):
    for ours, theirs in zip(one, other, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize(
    ("form", "seed", "stages"),
    [
        ("arrays", None, STAGES[:1]),
        *(pytest.param(each, None, STAGES, marks=pytest.mark.costly) for each in FORMS),
        pytest.param("arrays", 3, STAGES, marks=pytest.mark.costly),
    ],
)
def test_it_trains_as_the_whole_model_would(keras, make, monkeypatch, form, seed, stages):
    calls = []
    monkeypatch.setattr(kept, "computed", lambda *a, **k: calls.append(a[1]) or computed(*a, **k))
    computed = features_file.computed
    plain, expected, random = trained(keras, make, form, seed=seed, stages=stages, cache=False)
    assert not calls
    ours, found, drawn = trained(keras, make, form, seed=seed, stages=stages)
    # Once for both stages of the head, in training and validation.
    assert len(calls) == 1 + (form in {"classes", "dataset"})
    assert sorted(ours.history) == sorted(plain.history)
    near(ours.history.values(), plain.history.values())
    near(found, expected)
    assert drawn == random
    assert ours.run.history["loss"] == pytest.approx(plain.run.history["loss"], abs=1e-5)
    assert [(e.step, e.text) for e in ours.run.events] == [(e.step, e.text) for e in plain.run.events]
    # Of odd batches nobody can tell one size.
    told = [{k: v for k, v in each.run.parameters.items() if k != "batch_size"} for each in (ours, plain)]
    assert told[0] == told[1]
    if form != "odd batches":
        assert ours.run.parameters == plain.run.parameters
    which = "stage 1" if stages != STAGES else "stages 1 and 2"
    line = f"{which}: the outputs of 'base' are computed once (--no-cache)"
    assert line in ours.run.notes
    assert line in repr(ours.plan)
    assert [each for each in ours.run.notes if each != line] == list(plain.run.notes)


@BOTH
def test_callbacks_have_the_whole_model_and_nothing_of_it_stays(keras, make):
    model, seen = make(), []

    class Look(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            # On inputs as they are, in the midst of a training on row numbers.
            values = self.model.evaluate(X, Y, verbose=0)
            seen.append((self.model is model, logs["val_loss"] - values[0], self.model.predict(X[:2]).shape))

    head = Stage("head", epochs=2)
    options = {"stages": [head], "validation_data": (X, Y), "callbacks": [Look()], "quiet": True}
    before = model.get_layer("base").get_weights()
    nbkeras.fine_tune(model, X, Y, **options)
    assert seen == [(True, pytest.approx(0, abs=1e-5), (2, 3))] * 2
    assert {"train_step", "test_step"}.isdisjoint(vars(model))
    near(model.get_layer("base").get_weights(), before)
    # It is as after any training: more of it, and the way back.
    optimizer = model.optimizer
    model.fit(X, Y, verbose=0)
    assert model.optimizer is optimizer
    assert int(optimizer.iterations) == 6
    assert [each.trainable for each in model.layers] == [True, True]
    assert not any(each.trainable for each in model.get_layer("base").layers if each.weights)


@pytest.mark.costly
def test_large_outputs_are_in_a_file(keras, make, monkeypatch, tmp_path):
    files = few_bytes(monkeypatch, tmp_path)
    monkeypatch.setattr(features_file, "MEMORY", 1 << 20)
    plain, expected, _ = trained(keras, make, "arrays", stages=STAGES[:1])
    assert not files()
    monkeypatch.setattr(features_file, "MEMORY", 100)
    seen = []
    look = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: seen.extend(files()))
    ours, found, _ = trained(keras, make, "arrays", stages=STAGES[:1], callbacks=[look])
    near(ours.history.values(), plain.history.values())
    near(found, expected)
    assert seen
    assert not files()


@BOTH
def test_an_error_leaves_no_file_and_a_model_that_can_be_called(keras, make, monkeypatch, tmp_path):
    files = few_bytes(monkeypatch, tmp_path)
    model, seen = make(), []

    def fail(*_):
        seen.extend(files())
        raise ValueError("mine")

    callback = keras.callbacks.LambdaCallback(on_epoch_end=fail)
    with pytest.raises(ValueError, match="mine"):
        nbkeras.fine_tune(model, X, Y, stages=STAGES[:1], quiet=True, callbacks=[callback])
    assert seen
    assert not files()
    assert {"train_step", "test_step"}.isdisjoint(vars(model))
    model.evaluate(X, Y, verbose=0)


def few_bytes(monkeypatch, folder):
    """Let a hundred bytes be many, and return what tells the temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setattr(features_file, "MEMORY", 100)
    return lambda: list(Path(folder).glob("nbkeras-features-*"))


@BOTH
def test_where_it_would_not_be_exact_the_reason_is_said(keras, make):
    layers = keras.layers
    flip = layers.RandomFlip("horizontal", seed=1)

    def plan(*data, model=None, **options):
        return nbkeras.fine_tuning_plan(model or make(), *data, **{"stages": STAGES, **options})

    inside = keras.Sequential([keras.Input((6, 6, 1)), layers.Conv2D(2, 3), layers.Dropout(0.5, name="d")])
    dropping = keras.Sequential([keras.Input((6, 6, 1)), inside, layers.Flatten(), layers.Dense(3)])
    dropping.compile("adam", "sparse_categorical_crossentropy")
    cases = [
        ("received an augmentation", lambda **o: plan(X, Y, augmentation=flip, **o)),
        ("received one with shuffle", lambda **o: plan(batches(X, Y).shuffle(48), **o)),
        ("received list_iterator", lambda **o: plan(iter([(X, Y)]), **o)),
        ("received 'd' (Dropout), which draws", lambda **o: plan(X, Y, model=dropping, **o)),
    ]
    stages = [Stage("head"), Stage("all")]
    for words, planned in cases:
        said = planned(stages=stages)
        assert words in said.caching
        assert said.caching.startswith("stage 1: ")
        assert [each.kept for each in said.stages] == [None, None]
        with pytest.raises(nbkeras.Refusal) as caught:
            planned(stages=stages, cache=True)
        assert words in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(nbkeras.Refusal, match="expected a stage that trains the head alone"):
        plan(X, Y, stages=[Stage("all")], cache=True)
    assert not plan(X, Y, cache=False).caching
    # Poolings behind the base are computed once, too.
    assert plan(X, Y, cache=True).stages[0].kept.end.name == "base"
    pooled = keras.Sequential(
        [*make().get_layer("base").layers[:4], layers.GlobalMaxPooling2D(name="all"), layers.Dense(3)]
    )
    whole = keras.Sequential([keras.Input((6, 6, 1)), keras.Sequential(pooled.layers[:4], name="low")])
    for each in pooled.layers[4:]:
        whole.add(each)
    whole.compile("adam", "sparse_categorical_crossentropy")
    assert plan(X, Y, model=whole, stages=stages).stages[0].kept.end.name == "all"


@pytest.mark.costly
def test_a_finished_stage_computes_nothing_when_the_cell_is_run_again(keras, make, monkeypatch, tmp_path):
    class Stop(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == self.at:
                nbkeras.runs.latest().control.stop("stop button")

        def get_state(self):
            return {}

        def set_state(self, state):
            pass

    calls = []
    monkeypatch.setattr(kept, "computed", lambda *a, **k: calls.append(k) or features_file.computed(*a, **k))

    def cell(folder, x=X, stop=None, **options):
        callback = Stop()
        callback.at = stop
        stages = [Stage("head", epochs=2), Stage("all", epochs=1, learning_rate=1e-3)]
        options |= {"backup": tmp_path / folder, "every": 1, "seed": 3, "quiet": True}
        return nbkeras.fine_tune(make(), x, Y, stages=stages, callbacks=[callback], **options)

    cell("parts", stop=2)
    assert len(calls) == 1
    went_on = cell("parts")
    assert len(calls) == 1
    whole = cell("whole")
    assert went_on.history == whole.history
    near(went_on.model.get_weights(), whole.model.get_weights())
    with pytest.raises(nbkeras.Refusal, match="with other values than the backup's"):
        cell("parts", x=X + 1, reuse=True)
