"""Stages of a fine-tuning: what trains, at which rate, in one run, and the way back."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import nbkeras
from nbkeras import Stage
from nbkeras.models.layer_rates import LayerRates
from nbkeras.training.fine_tuning import kept

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(48, 6, 6, 1)).astype("float32")
Y = np.arange(48) % 3
STAGES = [
    Stage("head", epochs=2),
    Stage("c2", epochs=1, learning_rate=1e-2),
    Stage("all", epochs=2, learning_rate=1e-3, depth_factor=0.1),
]


def held(model, name):
    layer = model if name == "net" else next(e for e in (model, model.get_layer("base")) if has(e, name))
    return [np.array(each) for each in layer.get_layer(name).get_weights()]


def has(model, name):
    return any(each.name == name for each in model.layers)


def same(first, second):
    return all((a == b).all() for a, b in zip(first, second, strict=True))


def test_each_stage_moves_what_it_says_and_nothing_else(keras, make):
    model = make()
    names = ("c1", "bn", "c2", "head")
    seen = []

    class Look(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            seen.append({name: held(model, name) for name in names})

    result = nbkeras.fine_tune(model, X, Y, stages=STAGES, quiet=True, callbacks=[Look()])
    seen.append({name: held(model, name) for name in names})
    moved = [
        {name for name in names if not same(before[name], after[name])}
        for before, after in itertools.pairwise(seen)
    ]
    head, high, everything = {"head"}, {"head", "c2"}, {"head", "c2", "c1"}
    assert moved == [head, head, high, everything, everything]
    # One run, epochs numbered through, a mark at each stage.
    assert result.run.epoch_numbers("loss") == [1, 2, 3, 4, 5]
    assert result.run.history["loss"] == pytest.approx(result.history["loss"])
    assert [(e.step, e.text.split(",")[0]) for e in result.run.events] == [
        (0, "stage 1 of 3: head"),
        (4, "stage 2 of 3: head and base from c2 up"),
        (6, "stage 3 of 3: head and all of base"),
    ]
    assert result.run.status == "finished"
    assert result.run.progress.epochs == 5
    assert result.run.progress.done == 10
    assert any("net stays as stage 3 has left it" in note for note in result.run.notes)


def test_the_plan_says_what_the_stages_do_and_changes_nothing(make):
    model = make()
    flags, weights, optimizer = [e.trainable for e in model.layers], model.get_weights(), model.optimizer
    plan = nbkeras.fine_tuning_plan(model, X, stages=STAGES)
    assert repr(plan).splitlines()[:4] == [
        "stage  trains                    layers  parameters             rate  epochs  updates",
        "    1  head                           1          12             0.05       2        4",
        "    2  head and base from c2 up       2          39             0.01       1        2",
        "    3  head and all of base           3          59  0.0001 to 0.001       2        4",
    ]
    assert "inference mode" in repr(plan)
    assert flags == [each.trainable for each in model.layers]
    assert same(weights, model.get_weights())
    assert model.optimizer is optimizer
    default = [each.stage for each in nbkeras.fine_tuning_plan(model).stages]
    assert [(e.unfreeze, e.learning_rate, e.depth_factor) for e in default] == [
        ("head", None, 1.0),
        ("all", pytest.approx(0.005), 0.1),
    ]


def test_what_was_compiled_is_kept_and_the_optimizer_is_a_new_one_with_the_stage_s_rates(keras, make):
    def loss(true, predicted):
        return keras.losses.sparse_categorical_crossentropy(true, predicted, from_logits=True)

    model = make(loss=loss, weighted_metrics=["accuracy"], steps_per_execution=2)
    optimizer = model.optimizer
    nbkeras.fine_tune(model, X, Y, stages=STAGES, quiet=True)
    settings = model._compile_config.config
    assert settings["loss"] is loss
    assert settings["weighted_metrics"] == ["accuracy"]
    assert settings["steps_per_execution"] == 2
    assert model.optimizer is not optimizer
    assert isinstance(model.optimizer, LayerRates)
    assert isinstance(model.optimizer, type(optimizer))
    assert model.optimizer.beta_1 == 0.8
    assert int(model.optimizer.iterations) == 4
    assert float(model.optimizer.learning_rate) == pytest.approx(1e-3)
    # Two blocks lie between the head and a tenth of its rate.
    lowest, middle = 0.1, 0.1**0.5
    assert model.optimizer.factors == pytest.approx([lowest, lowest, middle, middle, 1, 1])


def test_undo_brings_back_weights_flags_and_the_optimizer_itself(keras, make):
    model = make()
    model.fit(X, Y, verbose=0)
    model.get_layer("base").trainable = False
    before, optimizer = model.get_weights(), model.optimizer
    slots = [each.numpy() for each in optimizer.variables]
    result = nbkeras.fine_tune(model, X, Y, quiet=True)
    assert not same(before, model.get_weights())
    assert "as before the fine-tuning" in result.undo()
    assert same(before, model.get_weights())
    assert model.optimizer is optimizer
    assert same(slots, [each.numpy() for each in optimizer.variables])
    assert [each.trainable for each in model.get_layer("base").layers] == [False] * 5
    with pytest.raises(nbkeras.Refusal, match="that fine_tune has trained here"):
        result.undo()


def test_batch_normalization_trains_only_where_it_is_asked_for(make):
    for batch_norm in (False, True):
        model = make()
        before = held(model, "bn")
        stages = [Stage("all", epochs=1, batch_norm=batch_norm)]
        nbkeras.fine_tune(model, X, Y, stages=stages, quiet=True)
        assert same(before, held(model, "bn")) is not batch_norm


@pytest.mark.parametrize(
    "keras", ["keras", pytest.param("tf_keras", marks=pytest.mark.costly)], indirect=True
)
def test_early_stopping_ends_its_stage_alone_and_stop_ends_all(keras, make):
    model = make()
    stages = [
        Stage("head", epochs=6, learning_rate=1e-9, early_stopping="loss:1"),
        Stage("all", epochs=1),
        Stage("all", epochs=3),
    ]

    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 3:
                nbkeras.runs.latest().control.stop("stop button")

    # Nothing to learn from: the second epoch is no better.
    result = nbkeras.fine_tune(model, X * 0, Y, stages=stages, quiet=True, callbacks=[Stop()])
    assert len(result.histories[0].epoch) < 6
    assert len(result.histories) == 3
    assert len(result.histories[2].epoch) < 3
    assert result.run.status == "stopped"


@pytest.mark.parametrize(
    "keras", ["keras", pytest.param("tf_keras", marks=pytest.mark.costly)], indirect=True
)
def test_augmentation_reaches_what_is_trained_on_alone(make):
    def far_away(x):
        return x + 1e4

    stages = [Stage("head", epochs=2, learning_rate=1e-9)]
    options = {"stages": stages, "validation_split": 0.25, "quiet": True}
    augmented = nbkeras.fine_tune(make(), X, Y, augmentation=far_away, **options).history
    plain = nbkeras.fine_tune(make(), X, Y, **options).history
    assert augmented["val_loss"] == pytest.approx(plain["val_loss"], abs=1e-4)
    assert min(augmented["loss"]) > 10 * max(plain["loss"])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"stages": ["head"]}, "expected a list of nbkeras.Stage, received 'head'"),
        ({"stages": [Stage("nothing")]}, "or a block or layer of 'base'"),
        ({"base": "bas"}, "give  base='base'"),
        ({"augmentation": 3}, "expected a layer or a function, received 3"),
        ({"epochs": 3}, "expected no epochs"),
        ({"stages": [Stage("head", early_stopping="val_loss:1")]}, "received 'val_loss'"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_nothing_is_changed(make, options, words):
    model = make()
    optimizer, weights = model.optimizer, model.get_weights()
    with pytest.raises(nbkeras.Refusal, match=words) as caught:
        nbkeras.fine_tune(model, X, Y, quiet=True, **options)
    assert "\n" not in str(caught.value)
    assert model.optimizer is optimizer
    assert same(weights, model.get_weights())
    assert all(each.trainable for each in model.get_layer("base").layers)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"unfreeze": True}, "received True"),
        ({"unfreeze": "head", "epochs": 0}, "epochs: expected"),
        ({"unfreeze": "head", "learning_rate": -1}, "received -1"),
        ({"unfreeze": "head", "depth_factor": 2}, "received 2"),
    ],
)
def test_a_stage_that_cannot_be_meant_is_refused(values, words):
    with pytest.raises(nbkeras.Refusal, match=words):
        Stage(**values)


@pytest.mark.parametrize(
    "keras", ["keras", pytest.param("tf_keras", marks=pytest.mark.costly)], indirect=True
)
def test_a_loss_scale_stays_around_the_stage_s_optimizer(keras, make):
    model = make()
    scaled = keras.mixed_precision.LossScaleOptimizer(keras.optimizers.Adam(0.05), initial_scale=64.0)
    model.compile(scaled, "sparse_categorical_crossentropy")
    nbkeras.fine_tune(model, X, Y, stages=STAGES[2:], quiet=True)
    assert type(model.optimizer) is type(scaled)
    assert model.optimizer is not scaled
    assert float(model.optimizer.initial_scale) == 64.0
    assert isinstance(model.optimizer.inner_optimizer, LayerRates)


@pytest.mark.costly
def test_a_stop_leaves_the_rest_to_the_next_run_of_the_cell(keras, make, tmp_path, monkeypatch):
    computed, calls = kept.computed, []
    monkeypatch.setattr(kept, "computed", lambda *a, **k: calls.append(a) or computed(*a, **k))

    class Stop(keras.callbacks.Callback):
        def __init__(self, step):
            super().__init__()
            self.left = step

        def on_train_batch_end(self, batch, logs=None):
            self.left -= 1
            if not self.left:
                nbkeras.runs.latest().control.stop("stop button")

        def get_state(self):
            return {}

        def set_state(self, state):
            pass

    def cell(folder, step, **options):
        stages = [Stage("head", epochs=1), Stage("all", epochs=2, learning_rate=1e-3)]
        options |= {"backup": tmp_path / folder, "every": 1, "quiet": True, "callbacks": [Stop(step)]}
        return nbkeras.fine_tune(make(), X, Y, stages=stages, seed=3, **options)

    # Two steps are the first stage.
    stopped = cell("parts", 3)
    assert (len(stopped.histories), stopped.run.status) == (2, "stopped")
    calls.clear()
    went_on = cell("parts", 99)
    # The head's stage is finished: the base's outputs are not computed once more.
    assert not calls
    whole = cell("whole", 99)
    assert len(calls) == 1
    assert went_on.history == whole.history
    assert same(went_on.model.get_weights(), whole.model.get_weights())
    assert went_on.run.id == stopped.run.id
    assert went_on.run.history["loss"] == whole.run.history["loss"]
    with pytest.raises(nbkeras.Refusal, match=r"is finished in .*take what it came to with  --reuse"):
        cell("parts", 99)
    again = cell("parts", 99, reuse=True)
    assert again.history == whole.history
    assert same(again.model.get_weights(), whole.model.get_weights())
