"""Models built on pretrained ones: what learns, what stays, and what is saved. Weights are made here."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

import nbkeras
from nbkeras.models.pretrained import cache
from nbkeras.models.pretrained.plain_code import plain_code
from nbkeras.models.pretrained.wishes import wished
from nbkeras.runtime.refusal import Refusal
from tests.models.pretrained.conftest import IMAGES, LABELS, SHAPE, make_tiny

# Keras 3.15 calls NumPy 2's __array__ in the old way when it saves.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")
NAME = "Tiny"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Files of Tiny's weights in both formats, with its head and without, and the arrays of its base."""
    folder = tmp_path_factory.mktemp("weights")
    found = {}
    for line, kind in (("keras", ".weights.h5"), ("tf_keras", ".h5")):
        for head in (True, False):
            options = {} if head else {"include_top": False, "input_shape": SHAPE, "pooling": "avg"}
            model = make_tiny(line)(weights=None, **options)
            # Statistics and biases that no new layer has.
            model.set_weights([each + 0.01 for each in model.get_weights()])
            path = folder / f"{'whole' if head else 'base'}{kind}"
            model.save_weights(str(path))
            found[head, kind] = (path, model.get_weights()[:8])
    return found


def stats(base):
    norms = [layer for layer in base.layers if type(layer).__name__ == "BatchNormalization"]
    return [each for norm in norms for each in norm.get_weights()[2:]]


def same(these, those):
    return all(np.array_equal(a, b) for a, b in zip(these, those, strict=True))


def trained(model):
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(IMAGES, LABELS, epochs=2, batch_size=4, verbose=0)


@pytest.mark.parametrize("kind", [".weights.h5", ".h5"])
@pytest.mark.parametrize("head", [True, False])
def test_a_file_of_either_format_with_a_head_or_without_gives_the_base_its_weights(
    line, files, head, kind, tiny
):
    path, first = files[head, kind]
    built = nbkeras.pretrained(NAME, classes=2, weights=path, input_shape=SHAPE)
    assert same(built.base.get_weights(), first)
    assert built.model.output_shape == (None, 2)
    assert "the base is frozen, and in inference mode" in repr(built)


def test_the_head_learns_and_the_base_stays_to_the_last_bit(line, files, tiny):
    path, _ = files[False, ".weights.h5"]
    built = nbkeras.pretrained(NAME, class_names=["cat", "dog"], weights=path, input_shape=SHAPE)
    before, head = built.base.get_weights(), built.model.get_layer("head").get_weights()
    trained(built.model)
    assert same(built.base.get_weights(), before)
    assert not same(built.model.get_layer("head").get_weights(), head)
    decoded = built.decode(built.model.predict(IMAGES, verbose=0), top=1)
    assert set(decoded.best) <= {"cat", "dog"}
    with pytest.raises(Refusal, match="top: expected a whole number of 1 or more, received 0"):
        built.decode(np.eye(2), top=0)
    assert len(decoded.rows) == len(IMAGES)
    assert repr(decoded).splitlines()[0].split() == ["image", "1st"]


def test_once_unfrozen_batch_normalization_has_to_be_frozen_by_itself_on_keras_3(keras, line, files, tiny):
    path, _ = files[False, ".weights.h5"]
    built = nbkeras.pretrained(NAME, classes=2, weights=path, input_shape=SHAPE)
    base = built.base
    base.trainable = True
    before = stats(base)
    trained(built.model)
    # What docs/pretrained.md says: training=False keeps the statistics on tf_keras, not on Keras 3 (3.15.1).
    assert same(stats(base), before) == (line == "tf_keras")

    for layer in base.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    before, all_before = stats(base), base.get_weights()
    trained(built.model)
    assert same(stats(base), before)
    assert not same(base.get_weights(), all_before)


def test_random_weights_are_not_frozen_and_that_is_said(line, tiny):
    built = nbkeras.pretrained(NAME, classes=2, weights=None, input_shape=SHAPE)
    assert "weights=None: all are random, and all learn" in repr(built)
    before = built.base.get_weights()
    trained(built.model)
    assert not same(built.base.get_weights(), before)


def same_answers(line, keras, built, code):
    variables = {}
    # tf.keras is one line for all tests of a process.
    exec(code.replace("from tensorflow import keras", f"import {line} as keras"), variables)  # noqa: S102 - ours
    plain = variables["model"]
    assert [tuple(each.shape) for each in plain.weights] == [
        tuple(each.shape) for each in built.model.weights
    ]
    assert len(plain.trainable_weights) == len(built.model.trainable_weights)
    plain.set_weights(built.model.get_weights())
    theirs = plain.predict(IMAGES, verbose=0)
    np.testing.assert_allclose(theirs, built.model.predict(IMAGES, verbose=0), rtol=1e-3, atol=1e-5)


def test_the_plain_code_builds_the_same_and_nothing_of_nbkeras_is_saved(line, keras, tiny, files, tmp_path):
    path, _ = files[False, ".weights.h5"]
    built = nbkeras.pretrained(tiny, classes=2, weights=path, input_shape=SHAPE)
    same_answers(line, keras, built, plain_code(wished(tiny, classes=2, weights=path, input_shape=SHAPE)))
    assert "nbkeras" not in json.dumps(built.model.get_config(), default=str)
    built.model.save(tmp_path / "built.keras")
    again = keras.models.load_model(tmp_path / "built.keras")
    np.testing.assert_array_equal(again(IMAGES), built.model(IMAGES))


@pytest.mark.costly
@pytest.mark.parametrize("name", ["ConvNeXtTiny", "DenseNet121", "EfficientNetB0", "MobileNet", "ResNet50"])
def test_keras_own_models_are_built_saved_and_written_as_plain_code(line, keras, name, tmp_path):
    options = {"classes": 2, "weights": None, "input_shape": SHAPE}
    built = nbkeras.pretrained(name, **options)
    same_answers(line, keras, built, plain_code(wished(name, **options)))
    base = getattr(keras.applications, name)(
        include_top=False, weights=None, input_shape=SHAPE, pooling="avg"
    )
    base.set_weights(built.base.get_weights())
    preprocess = getattr(keras.applications, wished(name).known.module).preprocess_input
    features = base.predict(preprocess(IMAGES.copy()), verbose=0)
    head = built.model.get_layer("head")
    theirs = keras.layers.Softmax()(features @ head.get_weights()[0] + head.get_weights()[1])
    answer = built.model.predict(IMAGES, verbose=0)
    np.testing.assert_allclose(answer, theirs, rtol=1e-3, atol=1e-5)
    built.model.save(tmp_path / "built.keras")
    # tf_keras 2.21 does not find the layers again that its ConvNeXt has of its own.
    own = {type(each).__name__: type(each) for each in base.layers}
    again = keras.models.load_model(
        tmp_path / "built.keras", custom_objects=own if line == "tf_keras" else None
    )
    np.testing.assert_array_equal(again.predict(IMAGES, verbose=0), answer)


def test_what_is_built_is_what_keras_itself_gives(line, keras, tiny, files):
    path, _ = files[False, ".weights.h5"]
    built = nbkeras.pretrained(tiny, classes=2, weights=path, input_shape=SHAPE)
    base = make_tiny(line)(include_top=False, weights=str(path), input_shape=SHAPE, pooling="avg")
    features = np.asarray(base(keras.applications.mobilenet.preprocess_input(IMAGES.copy())))
    head = built.model.get_layer("head")
    theirs = keras.layers.Softmax()(features @ head.get_weights()[0] + head.get_weights()[1])
    np.testing.assert_allclose(built.model(IMAGES), theirs, rtol=1e-4, atol=1e-6)


def test_dropout_in_a_frozen_base_stays_on_in_keras_3_and_that_is_said(line, tiny, files):
    path, _ = files[False, ".weights.h5"]
    built = nbkeras.pretrained(tiny, classes=2, weights=path, input_shape=SHAPE, dropout=0)
    two = [np.asarray(built.model(IMAGES, training=True)) for _ in range(2)]
    is_on = not np.array_equal(*two)
    # Keras 3.15.1 puts the training=True of `fit` in the place of the base's training=False.
    assert is_on == (line == "keras")
    assert ("1 dropout layer of the base" in repr(built)) == is_on


def test_a_file_that_does_not_fit_is_refused_with_what_differs(line, files, tmp_path, tiny):
    base, _ = files[False, ".weights.h5"]
    with pytest.raises(
        Refusal, match=r"with its head, received .* which lacks 2 of its arrays.*classes"
    ) as no:
        nbkeras.pretrained(NAME, weights=base, input_shape=SHAPE)
    assert "\n" not in str(no.value)
    with pytest.raises(Refusal, match=r"those of MobileNet without its head, .*lacks \d+ .*others, first"):
        nbkeras.pretrained("MobileNet", classes=2, weights=base, input_shape=SHAPE)
    (tmp_path / "base.h5").write_bytes(base.read_bytes())
    with pytest.raises(Refusal, match=r"has the one of \.weights\.h5 files"):
        nbkeras.pretrained(NAME, classes=2, weights=tmp_path / "base.h5", input_shape=SHAPE)
    (tmp_path / "cut.weights.h5").write_bytes(base.read_bytes()[:1000])
    with pytest.raises(Refusal, match="expected an HDF5 file"):
        nbkeras.pretrained(NAME, classes=2, weights=tmp_path / "cut.weights.h5", input_shape=SHAPE)
    with pytest.raises(Refusal, match=r"the whole model .*load_model"):
        nbkeras.pretrained(NAME, classes=2, weights="mine.keras", input_shape=SHAPE)
    with pytest.raises(Refusal, match=r"a file that exists, received 'none\.weights\.h5' in /"):
        nbkeras.pretrained(NAME, classes=2, weights="none.weights.h5", input_shape=SHAPE)
    with pytest.raises(Refusal, match=r"received the folder .*saved_model_layer"):
        nbkeras.pretrained(NAME, classes=2, weights=tmp_path, input_shape=SHAPE)


@pytest.mark.costly
@pytest.mark.parametrize("name", ["MobileNetV3Small", "NASNetMobile", "ConvNeXtTiny", "DenseNet121"])
def test_of_a_whole_model_each_layer_of_the_base_gets_its_own_weights(keras, name, tmp_path):
    make = getattr(keras.applications, name)
    whole = make(weights=None)
    rng = np.random.default_rng(0)
    whole.set_weights([rng.normal(size=each.shape) for each in whole.get_weights()])
    path = tmp_path / "whole.weights.h5"
    whole.save_weights(str(path))
    base = nbkeras.pretrained(name, classes=2, weights=path).base
    known = {layer.name: layer for layer in whole.layers}
    # Names that Keras counts, as conv2d_7, are other ones in each model of a process.
    named = [layer for layer in base.layers if layer.weights and not layer.name.rpartition("_")[2].isdigit()]
    compared = [layer for layer in named if layer.name in known]
    assert len(compared) > len(named) / 2
    assert all(same(layer.get_weights(), known[layer.name].get_weights()) for layer in compared)


@pytest.mark.costly
def test_efficientnet_keeps_the_scaling_that_it_has_for_imagenet(line, keras, tmp_path, monkeypatch):
    options = {"include_top": False, "input_shape": SHAPE, "pooling": "avg"}
    plain = keras.applications.EfficientNetB0(weights=None, **options)
    path = tmp_path / "plain.weights.h5"
    plain.save_weights(str(path))
    # Random weights tell it; a file of Keras's own by its checksum.
    assert len(
        nbkeras.pretrained("EfficientNetB0", classes=2, weights=path, input_shape=SHAPE).base.layers
    ) == len(plain.layers)
    checksum = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    theirs = cache.KeptFile("efficientnetb0_notop.h5", "http://127.0.0.1/", checksum)
    monkeypatch.setattr(cache, "weights_file", lambda model, *, head, size=None: theirs)
    base = nbkeras.pretrained("EfficientNetB0", classes=2, weights=path, input_shape=SHAPE).base
    assert len(base.layers) == len(plain.layers) + 1
    assert same(base.get_weights(), plain.get_weights())
    again = tmp_path / "again.weights.h5"
    base.save_weights(str(again))
    monkeypatch.undo()
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", "1" if line == "tf_keras" else "0")
    assert len(
        nbkeras.pretrained("EfficientNetB0", classes=2, weights=again, input_shape=SHAPE).base.layers
    ) == len(base.layers)


def test_weights_are_brought_once_as_keras_asks_for_them(line, files, kept, monkeypatch, capsys, tiny):
    path, first = files[False, ".h5"]
    asked = []

    def download(url, target, *, checksum, progress):
        asked.append(url)
        target.parent.mkdir(exist_ok=True)
        progress(0, 100)
        target.write_bytes(path.read_bytes())
        progress(100, 100)

    monkeypatch.setattr(cache, "download", download)
    for _ in range(2):
        built = nbkeras.pretrained(NAME, classes=2, input_shape=SHAPE)
        assert same(built.base.get_weights(), first)
    assert [url.rpartition("/")[2] for url in asked] == ["base.h5"]
    assert capsys.readouterr().out == f"Tiny: downloaded to {kept}\n"


def test_a_size_that_does_not_go_is_refused_before_anything_is_downloaded(line, tiny):
    with pytest.raises(Refusal, match=r"expected an input_shape for Tiny without its head.*\(8, 8, 3\)"):
        nbkeras.pretrained(NAME, classes=2, input_shape=(8, 8, 3))
    with pytest.raises(
        Refusal, match=r"expected an answer for https://storage\.googleapis\.com/.*received none"
    ):
        nbkeras.pretrained(NAME, classes=2, input_shape=SHAPE)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"classes": 1}, "classes: expected a whole number, 2 or more, received 1"),
        ({"classes": 2.0}, "received 2.0"),
        ({"classes": 2, "dropout": 1}, "dropout: expected a share"),
        (
            {"classes": 2, "input_shape": (32, 32)},
            r"input_shape: expected height, width and 3, received \(32, 32\)",
        ),
        ({"input_shape": (32, 32, 1)}, r"np\.repeat\(images, 3, axis=-1\)"),
        ({"class_names": ["a", "a"]}, "expected each name once"),
        ({"class_names": ["a", "b"], "classes": 3}, "expected 3 names, one for each class, received 2"),
        ({"weights": 3}, "weights: expected 'imagenet', None or the path"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(line, tiny, options, says):
    with pytest.raises(Refusal, match=says) as refused:
        nbkeras.pretrained(NAME, **options)
    assert "\n" not in str(refused.value)


def test_the_whole_model_names_imagenets_classes_or_says_where_they_belong(line, files, kept, tiny):
    path, _ = files[True, ".weights.h5"]
    built = nbkeras.pretrained(NAME, weights=path, input_shape=SHAPE)
    predictions = np.eye(1000)[[7, 3]]
    with pytest.raises(Refusal, match=r"imagenet_class_index\.json"):
        built.decode(predictions)
    kept.mkdir()
    names = {str(at): [f"n{at:08}", f"kind_{at}"] for at in range(1000)}
    text = json.dumps(names)
    (kept / cache.CLASS_NAMES.name).write_text(text)
    with pytest.raises(Refusal, match=r"imagenet_class_index\.json"):  # another checksum than Keras's
        built.decode(predictions)
    checksum = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(cache, "CLASS_NAMES", cache.KeptFile(cache.CLASS_NAMES.name, "", checksum))
        assert built.decode(predictions).best == ["kind 7", "kind 3"]
    with pytest.raises(Refusal, match=r"shape \(images, 1000\), received \(2, 5\)"):
        built.decode(np.zeros((2, 5)))
