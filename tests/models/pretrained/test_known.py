"""What nbkeras knows of Keras's models is what Keras has, and asks for."""

from __future__ import annotations

import importlib
import inspect
import os

import numpy as np
import pytest

from nbkeras.models.pretrained import cache
from nbkeras.models.pretrained.known import find_model, known_models, published_names
from nbkeras.models.pretrained.scaling import scaled
from nbkeras.runtime.refusal import Refusal

GRID = os.environ.get("GRID") == "pairwise"
LINES = ["keras", "tf_keras"]
# Making all of them takes minutes.
ALL = [name for name in published_names() if GRID] or ["MobileNet", "MobileNetV3Small"]


class AskedError(Exception):
    pass


def asked(monkeypatch, line, **options):
    """Return the name, the URL and the checksum with which Keras asks for a file."""
    module = importlib.import_module(
        "keras.src.utils.file_utils" if line == "keras" else "tf_keras.src.utils.data_utils"
    )

    def get_file(name, url, *, file_hash=None, **_):
        raise AskedError(name, url, file_hash or "")

    monkeypatch.setattr(module, "get_file", get_file)
    name = options.pop("name")
    with pytest.raises(AskedError) as raised:
        getattr(importlib.import_module(line).applications, name)(weights="imagenet", **options)
    return raised.value.args


@pytest.mark.parametrize("line", LINES)
def test_every_model_of_keras_is_known_with_its_size_and_its_files(line):
    applications = importlib.import_module(line).applications
    theirs = {name for name, each in vars(applications).items() if inspect.isfunction(each)}
    models = known_models(line)
    assert {each.name for each in models} == theirs
    assert [each.name for each in models if each.size is None] == []
    assert [each.name for each in models if not cache.weights_file(each, head=True)] == []
    assert [each.name for each in models if not cache.weights_file(each, head=False)] == []
    missing = {each.name for each in models if each.top1 is None}
    assert not {name for name in missing if not name.startswith(("RegNet", "ResNetRS"))}


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("head", [True, False])
@pytest.mark.parametrize("name", ALL)
def test_the_files_are_those_that_keras_asks_for(line, head, name, monkeypatch):
    if name not in {each.name for each in known_models(line)}:
        return
    model = find_model(name, line)
    sizes = [model.size, *([128] if name.startswith("MobileNet") and "V3" not in name else [])]
    for size in sizes:
        file = cache.weights_file(model, head=head, size=(size, size))
        theirs = asked(monkeypatch, line, name=name, include_top=head, input_shape=(size, size, 3))
        assert (file.name, file.url, file.checksum) == theirs


@pytest.mark.parametrize("line", LINES)
def test_the_names_of_classes_are_the_file_that_keras_asks_for(line, monkeypatch):
    applications = importlib.import_module(line).applications
    source = importlib.import_module(f"{line}.src.applications.imagenet_utils")
    monkeypatch.setattr(source, "CLASS_INDEX", None)
    module = "keras.src.utils.file_utils" if line == "keras" else "tf_keras.src.utils.data_utils"

    def get_file(name, url, *, file_hash, **_):
        raise AskedError(name, url, file_hash)

    monkeypatch.setattr(importlib.import_module(module), "get_file", get_file)
    with pytest.raises(AskedError) as raised:
        applications.mobilenet_v2.decode_predictions(np.zeros((1, 1000)))
    file = cache.CLASS_NAMES
    assert raised.value.args == (file.name, file.url, file.checksum)


@pytest.mark.costly
@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("name", ALL)
def test_the_published_number_of_parameters_and_the_size_of_images_are_those_of_the_model(line, name):
    if name not in {each.name for each in known_models(line)}:
        return
    model = find_model(name, line)
    built = model.build(weights=None)
    assert built.input_shape == (None, model.size, model.size, 3)
    if model.parameters is not None:
        count = built.count_params()
        # MobileNetV3's page has the numbers of the paper, 2.9 and 5.4 million; Keras's have 2.6 and 5.5.
        allowed = 0.4 if name.startswith("MobileNetV3") else 0.1
        assert abs(count / 1e6 - model.parameters) <= allowed


@pytest.mark.parametrize("line", LINES)
def test_the_layers_do_what_preprocess_input_does_and_are_saved_with_the_model(line, tmp_path):
    keras = importlib.import_module(line)
    images = np.random.default_rng(0).integers(0, 256, (2, 5, 4, 3)).astype("float32")
    found = {}
    for model in known_models(line):
        found[model.module] = model.scaling
    assert {str(each) for each in found.values()} == {
        *("None", "-1 to 1", "mean 0, deviation 1", "blue, green, red, about 0")
    }
    built = {}
    for module, scaling in found.items():
        inputs = keras.Input((5, 4, 3))
        outputs = keras.layers.Activation("linear")(scaled(line, scaling, inputs))
        whole = keras.Model(inputs, outputs)
        theirs = getattr(keras.applications, module).preprocess_input(images.copy())
        np.testing.assert_allclose(whole(images), theirs, rtol=1e-5, atol=1e-5)
        built[str(scaling)] = whole
    for whole in built.values():
        whole.save(tmp_path / "whole.keras")
        again = keras.models.load_model(tmp_path / "whole.keras")
        np.testing.assert_array_equal(again(images), whole(images))


@pytest.mark.parametrize("line", LINES)
def test_a_name_is_found_in_any_case_and_another_one_refused_with_the_nearest(line):
    assert find_model("mobilenetv2", line).name == "MobileNetV2"
    with pytest.raises(Refusal, match="received 'MobilNetV2': type  MobileNetV2"):
        find_model("MobilNetV2", line)
    with pytest.raises(Refusal, match="%pretrained lists them all"):
        find_model("xyz", line)
    for name in ("mobilenet_v2", "MobileNet-V2"):
        with pytest.raises(Refusal, match=f"received '{name}': type  MobileNetV2"):
            find_model(name, line)
    with pytest.raises(Refusal, match=r'received MobileNet itself: type  nbkeras\.pretrained\("MobileNet"\)'):
        find_model(importlib.import_module(line).applications.MobileNet, line)
    with pytest.raises(Refusal, match="expected the name of a model, received 5"):
        find_model(5, line)
    if line == "keras":
        with pytest.raises(Refusal, match="'RegNetX002': tf_keras has it"):
            find_model("RegNetX002", line)
    with pytest.raises(Refusal, match="presets of KerasHub need Keras"):
        find_model("resnet_50_imagenet", line)


def test_keras_keeps_weights_where_nbkeras_looks(tmp_path, monkeypatch):
    monkeypatch.undo()
    for line, utils in (
        ("keras", "keras.src.utils.file_utils"),
        ("tf_keras", "tf_keras.src.utils.data_utils"),
    ):
        module = importlib.import_module(utils)
        got = {}

        def retrieve(url, path, *_, got=got):
            got["path"] = path
            raise AskedError

        with monkeypatch.context() as patched:
            patched.setattr(module, "urlretrieve", retrieve)
            with pytest.raises(AskedError):
                module.get_file("no such file.h5", "http://127.0.0.1/x.h5", cache_subdir="models")
        assert str(cache.folder(line) / "no such file.h5") == got["path"]
