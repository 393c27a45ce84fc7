"""What is read from a file where its classes and functions are not known: one line, on both Keras lines."""

from __future__ import annotations

import importlib
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from nbkeras import Refusal
from nbkeras.cluster import exchange
from nbkeras.cluster.parcels import pack, unpack
from nbkeras.training.on_cluster import exchanging


@pytest.fixture(params=["keras", "tf_keras"])
def keras(request):
    return importlib.import_module(request.param)


def models(keras):
    """Models that need a class or a function of somebody's own, by its name."""

    class Own(keras.Model):
        def __init__(self, **options):
            super().__init__(**options)
            self.dense = keras.layers.Dense(1)

        def call(self, x):
            return self.dense(x)

    class Twice(keras.layers.Layer):
        def call(self, x):
            return x * 2

    def own_loss(y, predicted):
        return (y - predicted) ** 2

    def own_activation(x):
        return x

    def of(*layers):
        return keras.Sequential([keras.Input((3,)), *layers])

    for each in (Own, Twice, own_loss, own_activation):
        # As in a cell; Keras looks a class up in the module that it says it is of.
        each.__module__ = "__main__"
    own, lossy = Own(), of(keras.layers.Dense(1))
    own(np.ones((2, 3), "float32"))
    lossy.compile("sgd", own_loss)
    return {
        "Own": (own, Own),
        "Twice": (of(Twice()), Twice),
        "own_loss": (lossy, own_loss),
        "own_activation": (of(keras.layers.Dense(1, own_activation)), own_activation),
    }


@pytest.mark.filterwarnings("ignore:.*custom object:UserWarning", "ignore:__array__ impl:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:The object being serialized includes:UserWarning")
def test_models_of_what_is_not_known(keras, tmp_path):
    x = np.ones((2, 3), "float32")
    for name, (model, own) in models(keras).items():
        path = pack("model", model, tmp_path)
        with pytest.raises(Refusal) as caught:
            unpack(path, {name: "no class"})
        assert str(caught.value) == (
            f"model: expected what is known here, received something of {name}, which is not: "
            "define it in the notebook, too"
        )
        read = unpack(path, {name: own})
        np.testing.assert_array_equal(read.predict(x, verbose=0), model.predict(x, verbose=0))


@pytest.mark.filterwarnings("ignore:__array__ impl:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:The object being serialized includes:UserWarning")
def test_models_in_lists_and_dicts(keras, tmp_path):
    made = models(keras)
    for name, contained in (
        ("Twice", lambda model: [1, model]),
        ("own_activation", lambda model: {1: model}),
    ):
        model, own = made[name]
        path = pack("models", contained(model), tmp_path)
        with pytest.raises(
            Refusal, match=rf"^models: expected what is known .* of {name}, which is not: define"
        ):
            unpack(path)
        assert type(unpack(path, {name: own})[1]) is type(model)


@pytest.fixture
def thing(monkeypatch, tmp_path):
    """A file with a thing whose class, of a cell, is not known any more."""
    made = type("Thing", (), {"__module__": "__main__"})
    monkeypatch.setattr(sys.modules["__main__"], "Thing", made, raising=False)
    path = pack("thing", made(), tmp_path)
    monkeypatch.delattr(sys.modules["__main__"], "Thing")
    return path


def test_things_of_what_is_not_known(thing):
    with pytest.raises(Refusal, match=r"^thing: expected .* something of Thing, which is not: define it in"):
        unpack(thing)


class Raises:
    def __reduce__(self):
        return int, ("no number",)


def test_other_errors_stay_what_they_are(tmp_path):
    with pytest.raises(ValueError, match="invalid literal") as caught:
        unpack(pack("it", Raises(), tmp_path))
    assert not isinstance(caught.value, Refusal)


@pytest.mark.parametrize("apart", [False, True])
def test_a_worker_puts_nothing_and_tells_the_notebook(thing, tmp_path, monkeypatch, shell, apart):
    """The worker is in this process, and its strategy TensorFlow's default."""
    import tensorflow as tf

    here = SimpleNamespace(strategy=tf.distribute.get_strategy(), folder=tmp_path, apart=apart)
    monkeypatch.setattr(exchange.worker, "here", lambda: here)
    np.save(tmp_path / "x.npy", np.ones(3))
    variables = {"x": "before"}
    messages = []

    def publish(data, **_):
        messages.append({"header": {"msg_type": "display_data"}, "content": {"data": data}})

    monkeypatch.setattr(shell.display_pub, "publish", publish)

    def request(_, hear, **__):
        exchange.receive({"x": "x.npy", "thing": thing.name}, variables)
        for each in messages:
            hear(1, each)

    cluster = SimpleNamespace(folder=tmp_path, deliver=lambda _: None, request=request)
    paths = {"x": str(tmp_path / "x.npy"), "thing": str(thing)}
    with pytest.raises(Refusal, match=r"^thing: .* of Thing, .*: define it in a  %%cluster  cell, too$"):
        exchanging.give(cluster, paths)
    assert variables == {"x": "before"}
    assert thing.exists() != apart
    cluster.prepared = []
    monkeypatch.setattr(exchanging, "give", lambda *_: (_ for _ in ()).throw(Refusal("no")))
    with pytest.raises(Refusal):
        exchanging.push(cluster, {"x": 1})
    assert cluster.prepared == []
    assert not list(tmp_path.glob("*/x.pickle"))
