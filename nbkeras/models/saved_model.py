"""A TensorFlow SavedModel as a layer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nbkeras.runtime.keras_lines import active_line, keras_module
from nbkeras.runtime.refusal import Refusal

_FIRST = ("serve", "serving_default")


def saved_model_layer(path: str | Path, endpoint: str | None = None, *, trainable: bool = False) -> Any:
    """Return a TensorFlow SavedModel, such as one of TensorFlow Hub, as a layer of Keras 3.

    It is a ``keras.layers.TFSMLayer``. Its weights are the SavedModel's, frozen by default; with
    ``trainable=True`` those learn that the SavedModel marks so, while dropout and batch normalization go on
    as they were exported. A model with such a layer is loaded with ``safe_mode=False``, and still needs the
    folder.

    Example:
        >>> import nbkeras
        >>> layer = nbkeras.saved_model_layer("exported")  # doctest: +SKIP

    Args:
        path: the folder that holds ``saved_model.pb``, of any program: ``model.export`` of Keras 3,
            ``model.save`` of tf_keras, or an unpacked archive of TensorFlow Hub.
        endpoint: which of its signatures is called. Default: ``"serve"``, or else ``"serving_default"``, or
            else the only one.
        trainable: whether its weights learn. Default False.

    Returns:
        The layer; a signature with names of outputs gives a dictionary.

    Raises:
        Refusal: for what is no SavedModel, a signature that it does not have, and under tf_keras, which has
            no such layer.
    """
    folder = Path(path).expanduser()
    if folder.suffix in {".keras", ".h5", ".hdf5"}:
        raise Refusal(
            f"saved_model_layer: expected the folder of a SavedModel, received the model {str(path)!r}: type"
            f'  keras.models.load_model("{path}") , a model is a layer already'
        )
    if not (folder / "saved_model.pb").is_file():
        raise Refusal(
            f"saved_model_layer: expected a folder with saved_model.pb, received {str(path)!r}: make one "
            f'with  model.export("{path}")'
        )
    if active_line() == "tf_keras":
        raise Refusal(
            "saved_model_layer: expected Keras 3, which has TFSMLayer, received tf_keras, which has none: "
            f'type  tensorflow_hub.KerasLayer("{path}") , or unset TF_USE_LEGACY_KERAS and restart the kernel'
        )
    layer = keras_module("keras").layers.TFSMLayer
    names = _signatures(folder)
    if endpoint is None:
        endpoint = next((each for each in _FIRST if each in names), names[0] if len(names) == 1 else None)
    if endpoint not in names:
        raise Refusal(
            f"saved_model_layer: expected a signature of {str(path)!r}, one of {', '.join(names) or 'none'}, "
            f"received {endpoint!r}: give one as  endpoint"
        )
    return layer(str(folder), call_endpoint=endpoint, trainable=trainable)


def _signatures(folder: Path) -> list[str]:
    import tensorflow as tf

    return sorted(tf.saved_model.load(str(folder)).signatures)
