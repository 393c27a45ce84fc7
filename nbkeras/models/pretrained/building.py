"""Builds models on those of ``keras.applications``: scaled inputs, a frozen base, a new head."""

from __future__ import annotations

import contextlib
import importlib
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkeras.models.pretrained import cache
from nbkeras.models.pretrained.download import is_right
from nbkeras.models.pretrained.scaling import scaled
from nbkeras.models.pretrained.stored import differing, load, read_stored
from nbkeras.models.pretrained.wishes import IMAGENET, PresetWish
from nbkeras.runtime.keras_lines import keras_module
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nbkeras.models.pretrained.stored import Stored
    from nbkeras.models.pretrained.wishes import Wish
    from nbkeras.runtime.keras_lines import Line

_IMAGENET_CLASSES = 1000


def build(wish: Wish | PresetWish, progress: Callable[[int, int | None], None]) -> tuple[Any, Any]:
    """Return a model for images with colours from 0 to 255, and the base in it.

    Raises:
        Refusal: for a size that the model does not take, weights that do not fit, or can't be had.
    """
    if isinstance(wish, PresetWish):
        return build_preset(wish)
    known = wish.known
    keras = keras_module(known.line)
    if keras.backend.image_data_format() != "channels_last":
        raise Refusal(
            "pretrained: expected colours as the last axis of images, received channels_first: type  "
            "keras.backend.set_image_data_format('channels_last')"
        )
    base = _base(wish, progress)
    images = keras.Input(wish.input_shape, name="images")
    outputs = scaled(known.line, known.scaling, images)
    if wish.classes is None:
        outputs = base(outputs)
    else:
        # Frozen layers of batch normalization count with the statistics that they have (both lines).
        # training=False keeps those of tf_keras to it once they are no longer frozen, and its dropout off; in
        # `fit` Keras 3 (3.15.1) puts its own training=True in the place of this one.
        outputs = base(outputs, training=False) if wish.frozen else base(outputs)
        if wish.dropout:
            outputs = keras.layers.Dropout(wish.dropout, name="head_dropout")(outputs)
        head = keras.layers.Dense(wish.classes, activation="softmax", dtype="float32", name="head")
        outputs = head(outputs)
        base.trainable = not wish.frozen
    return keras.Model(images, outputs, name=f"pretrained_{known.module}"), base


def _base(wish: Wish, progress: Callable[[int, int | None], None]) -> Any:
    known = wish.known
    if wish.weights is None:
        return _made(wish, weights=None)
    if wish.weights == IMAGENET:

        def bring(name: str, url: str, file_hash: str | None = None, **_: Any) -> str:
            path, _new = cache.bring(cache.KeptFile(name, url, file_hash or ""), known.line, progress)
            return str(path)

        with _keras_gets(known.line, bring):
            return _made(wish, weights=IMAGENET)
    stored = read_stored(Path(wish.weights).expanduser())
    base = _loaded(wish, stored)
    return _scaled_as_for_imagenet(wish, base) if _is_for_imagenet(wish, stored) else base


def _loaded(wish: Wish, stored: Stored) -> Any:
    base = _made(wish, weights=None)
    lacks, others = stored.differences(base)
    if lacks and not others and wish.classes is None:
        raise Refusal(
            f"weights: expected those of {wish.known.name} with its head, received {stored.path}, "
            f"{differing(lacks, others)}: say how many  classes  a new head is to have"
        )
    if others and not lacks and wish.classes is not None:
        whole = wish.known.build(weights=None)
        load(
            whole,
            stored,
            f"{wish.known.name}, without its head or with the one for {_IMAGENET_CLASSES} classes",
        )
        # The head comes last.
        base.set_weights(whole.get_weights()[: len(base.get_weights())])
    else:
        load(base, stored, _told(wish))
    return base


def _made(wish: Wish, *, weights: str | None) -> Any:
    """Return the model of Keras, without a head where a new one comes."""
    options: dict[str, Any] = {"weights": weights, "input_shape": wish.input_shape}
    if wish.classes is not None:
        options |= {"include_top": False, "pooling": "avg"}
    try:
        with warnings.catch_warnings():
            # MobileNet and MobileNetV2 say that weights for 224 x 224 go with other sizes.
            warnings.filterwarnings("ignore", message=".*`input_shape` is undefined or non-square")
            return wish.known.build(**options)
    except Refusal:
        raise
    except ValueError as error:
        told = " ".join(str(error).split())
        raise Refusal(
            f"pretrained: expected an input_shape for {_told(wish)}, received {wish.input_shape}: {told}"
        ) from None


def _told(wish: Wish) -> str:
    return f"{wish.known.name} with{'' if wish.classes is None else 'out'} its head"


def _is_for_imagenet(wish: Wish, stored: Stored) -> bool:
    """Tell whether a file belongs to EfficientNetB0 to B7 as they are made for ImageNet.

    Those have one more layer that scales (Keras 3.15.1, tf_keras 2.21): with weights="imagenet" alone, not
    with the path of a file, which Keras takes for weights of the other model without a word.
    """
    if wish.known.module != "efficientnet":
        return False
    scales = sum(name.startswith("rescaling") for name in stored.layers)
    multiplies = any(name.startswith(("tf.math.multiply", "tf_op_lambda")) for name in stored.layers)
    if scales > 1 or multiplies:
        return True
    files = [cache.weights_file(wish.known, head=head) for head in (True, False)]
    return any(file is not None and is_right(stored.path, file.checksum) for file in files)


def _scaled_as_for_imagenet(wish: Wish, base: Any) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "base.weights.h5"
        base.save_weights(str(path))
        with _keras_gets(wish.known.line, lambda *_, **__: str(path)):
            return _made(wish, weights=IMAGENET)


def build_preset(wish: PresetWish) -> tuple[Any, Any]:
    """Return KerasHub's classifier with its preprocessing, and the backbone in it.

    Raises:
        Refusal: when KerasHub can't have the preset's files; for random weights it needs their configuration.
    """
    preset = wish.preset
    head: dict[str, Any] = {}
    if wish.classes is not None:
        head = {"num_classes": wish.classes, "activation": "softmax", "dropout": wish.dropout}
        head["head_dtype"] = "float32"
    classifier = importlib.import_module("keras_hub").models.ImageClassifier
    try:
        model = classifier.from_preset(preset.name, load_weights=wish.weights is not None, **head)
    except Exception as error:  # noqa: BLE001 - of kagglehub, its network or its licences
        told = " ".join(f"{type(error).__name__}: {error}".split())
        raise Refusal(
            f"pretrained: expected KerasHub to bring the preset {preset.name} from {preset.handle}, received "
            f"{told[:200]}: without a network take a model of keras.applications and the path of its weights"
        ) from None
    model.backbone.trainable = not wish.frozen
    return model, model.backbone


@contextlib.contextmanager
def _keras_gets(line: Line, instead: Callable[..., str]) -> Iterator[None]:
    """Let Keras, while it makes a model, ask for files here and not download them itself.

    It asks once it has found the rest in order. So its own names, addresses and checksums are used, of
    whatever release it is.
    """
    module: Any = importlib.import_module(
        "keras.src.utils.file_utils" if line == "keras" else "tf_keras.src.utils.data_utils"
    )
    get_file = module.get_file
    module.get_file = instead
    try:
        yield
    finally:
        module.get_file = get_file
