"""KerasHub, which is not here: a module with what of it nbkeras asks for, as in KerasHub 0.32."""

from __future__ import annotations

import importlib
import importlib.machinery
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

import nbkeras
from nbkeras.models.pretrained.plain_code import plain_code
from nbkeras.models.pretrained.wishes import wished
from nbkeras.runtime.refusal import Refusal
from nbkeras.widgets.pretrained import asking
from tests.models.pretrained.conftest import IMAGES

HANDLE = "kaggle://keras/resnetv1/keras/resnet_50_imagenet/3"


PRESETS = {
    "resnet_50_imagenet": {
        "metadata": {"description": "50 layers,\n on ImageNet", "params": 23561152, "path": "resnet"},
        "kaggle_handle": HANDLE,
    },
    "resnet_18_imagenet": {"metadata": {"params": 11186112}, "kaggle_handle": HANDLE[:-4] + "18/3"},
}


class ImageClassifier:
    asked = None
    presets = PRESETS

    @classmethod
    def from_preset(cls, name, **options):
        if name == "resnet_18_imagenet":
            raise ConnectionError("no\nroute to www.kaggle.com")
        cls.asked = options
        keras = importlib.import_module("keras")
        backbone = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.GlobalAveragePooling2D()])
        model = keras.Sequential([backbone, keras.layers.Dense(options.get("num_classes", 7))])
        model.backbone = backbone
        return model


@pytest.fixture
def hub(monkeypatch):
    module = ModuleType("keras_hub")
    module.__spec__ = importlib.machinery.ModuleSpec("keras_hub", None)
    module.models = SimpleNamespace(ImageClassifier=ImageClassifier)
    monkeypatch.setitem(sys.modules, "keras_hub", module)
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", "0")
    return module


def test_presets_are_listed_the_smallest_first_with_what_is_here(hub, tmp_path, monkeypatch):
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path))
    (tmp_path / "models/keras/resnetv1/keras/resnet_50_imagenet/3").mkdir(parents=True)
    shown = repr(nbkeras.pretrained()).splitlines()
    at = next(at for at, line in enumerate(shown) if "2 presets of KerasHub" in line)
    assert shown[at + 2].split() == ["resnet_18_imagenet", "11.2", "M", "no"]
    assert shown[at + 3].split() == ["resnet_50_imagenet", "23.6", "M", "yes"]
    assert "50 layers, on ImageNet" in asking.shown("resnet_50_imagenet")["text/plain"]


def test_a_preset_is_built_with_a_new_head_on_a_frozen_backbone(hub):
    built = nbkeras.pretrained("resnet_50_imagenet", classes=5)
    assert ImageClassifier.asked == {
        "load_weights": True,
        "num_classes": 5,
        "activation": "softmax",
        "dropout": 0.2,
        "head_dtype": "float32",
    }
    assert not built.base.trainable
    assert len(built.decode(built.model.predict(IMAGES, verbose=0)).rows) == len(IMAGES)
    variables = {}
    exec(plain_code(wished("resnet_50_imagenet", classes=5)), variables)  # noqa: S102 - our own code
    assert not variables["model"].backbone.trainable

    whole = nbkeras.pretrained("resnet_50_imagenet", weights=None)
    assert ImageClassifier.asked == {"load_weights": False}
    assert whole.base.trainable
    assert whole.decode(np.eye(7)).best == list("0123456")


def test_what_kerashub_cannot_do_is_one_line(hub):
    with pytest.raises(Refusal, match="received ConnectionError: no route to www") as refused:
        nbkeras.pretrained("resnet_18_imagenet", classes=5)
    assert "\n" not in str(refused.value)
    with pytest.raises(Refusal, match="received an input_shape: leave it out"):
        nbkeras.pretrained("resnet_50_imagenet", input_shape=(32, 32, 3))
    with pytest.raises(Refusal, match="received a file of weights"):
        nbkeras.pretrained("resnet_50_imagenet", weights="mine.h5")
    with pytest.raises(Refusal, match="type  resnet_50_imagenet"):
        nbkeras.pretrained("resnet_50_imagent")


def test_tf_keras_has_no_presets_and_a_broken_kerashub_hides_no_models(hub, monkeypatch):
    del hub.models
    assert "received AttributeError" in repr(nbkeras.pretrained())
    assert "MobileNetV2" in repr(nbkeras.pretrained())
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", "1")
    assert "KerasHub" not in repr(nbkeras.pretrained())
    with pytest.raises(Refusal, match="presets of KerasHub need Keras 3"):
        nbkeras.pretrained("resnet_50_imagenet")
