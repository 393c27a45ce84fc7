"""Files of weights: what they hold, and whether that fits a model, told before anything is loaded."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

_OLD, _NEW = (".h5", ".hdf5"), ".weights.h5"


@dataclass(frozen=True, slots=True)
class Stored:
    """A file of weights.

    Attributes:
        path: where it is.
        arrays: name in the file and shape of each array.
        layers: names of all layers that the file lists, those without weights too.
    """

    path: Path
    arrays: tuple[tuple[str, tuple[int, ...]], ...]
    layers: tuple[str, ...]

    def differences(self, model: Any) -> tuple[list[str], list[str]]:
        """Return what a model has and the file has not, and the other way round, as names with shapes."""
        weights = [(str(getattr(w, "path", w.name)), tuple(w.shape)) for w in model.weights]
        return _beyond(weights, self.arrays), _beyond(self.arrays, weights)


def read_stored(path: Path) -> Stored:
    """Return what a file of weights holds.

    It knows the two formats of Keras 3 and tf_keras: ``.weights.h5``, and the older ``.h5``, of weights or of
    a whole model.

    Raises:
        Refusal: for a file that is not there, is no such file, or is named as if it had the other format.
    """
    import h5py

    if path.suffix == ".keras":
        raise Refusal(
            f"weights: expected a file of weights, received the whole model {path}: type  "
            f'keras.models.load_model("{path}")'
        )
    if path.is_dir():
        raise Refusal(
            f"weights: expected a file of weights, received the folder {str(path)!r}: for a SavedModel type  "
            f'nbkeras.saved_model_layer("{path}")'
        )
    if not path.is_file():
        where = "" if path.is_absolute() else f" in {Path.cwd()}"
        raise Refusal(f"weights: expected a file that exists, received {str(path)!r}{where}")
    try:
        with h5py.File(path) as file:
            whole = file.get("model_weights", file)
            if "layer_names" in whole.attrs:
                stored = Stored(path, tuple(_old_arrays(whole)), tuple(_names(whole, "layer_names")))
                right = path.suffix in _OLD and not path.name.endswith(_NEW)
            elif "layers" in file:
                stored = Stored(path, tuple(_new_arrays(file)), tuple(file["layers"]))
                right = path.name.endswith(_NEW)
            else:
                raise Refusal(
                    f"weights: expected a file of a model's weights, received {path}, an HDF5 file of "
                    "something else: write one with  base.save_weights('base.weights.h5')"
                )
    except OSError:
        raise Refusal(
            f"weights: expected an HDF5 file, such as base.weights.h5, received {path}, which is none or is "
            "cut off"
        ) from None
    if not right:
        ends, other = (".weights.h5", ".h5") if path.name.endswith(_NEW) else (".h5", ".weights.h5")
        raise Refusal(
            f"weights: expected the format that goes with the name, received {path.name}, which has the one "
            f"of {other} files: Keras goes by the name: let it end in  {other}  and not in  {ends}"
        )
    return stored


def load(model: Any, stored: Stored, what: str) -> None:
    """Load a file into a new model that it fits.

    Args:
        model: it is changed only where the file fits.
        stored: the file.
        what: what the model is, for the message.

    Raises:
        Refusal: for a file with other arrays, with what differs.
    """
    lacks, others = stored.differences(model)
    if lacks or others:
        raise Refusal(
            f"weights: expected those of {what}, received {stored.path}, {differing(lacks, others)}"
        )
    model.load_weights(str(stored.path))


def differing(lacks: Sequence[str], others: Sequence[str]) -> str:
    """Return in words in what a file differs from a model."""
    parts = []
    if lacks:
        parts.append(f"which lacks {len(lacks)} of its arrays, first {lacks[0]}")
    if others:
        parts.append(f"{'and' if lacks else 'which'} has {len(others)} others, first {others[0]}")
    return " ".join(parts)


def _beyond(
    these: Sequence[tuple[str, tuple[int, ...]]], those: Sequence[tuple[str, tuple[int, ...]]]
) -> list[str]:
    left = Counter(shape for _, shape in those)
    found = []
    for name, shape in these:
        if left[shape]:
            left[shape] -= 1
        else:
            found.append(f"{name} {shape}")
    return found


def _names(group: Any, attribute: str) -> list[str]:
    # Long lists are parted: layer_names0, layer_names1, …; and the older files hold bytes.
    parts = [group.attrs[attribute]] if attribute in group.attrs else []
    while f"{attribute}{len(parts)}" in group.attrs:
        parts.append(group.attrs[f"{attribute}{len(parts)}"])
    return [each.decode() if isinstance(each, bytes) else str(each) for part in parts for each in part]


def _old_arrays(group: Any) -> list[tuple[str, tuple[int, ...]]]:
    return [
        (name, tuple(group[layer][name].shape))
        for layer in _names(group, "layer_names")
        for name in _names(group[layer], "weight_names")
    ]


def _new_arrays(file: Any) -> list[tuple[str, tuple[int, ...]]]:
    """Return the arrays of layers: no state of optimizers, nor of what draws random numbers."""
    arrays: list[tuple[str, tuple[int, ...]]] = []

    def add(name: str, item: Any) -> None:
        if hasattr(item, "shape") and "seed_generator" not in name:
            arrays.append((name, tuple(item.shape)))

    file["layers"].visititems(add)
    return arrays
