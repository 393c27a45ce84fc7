"""The names of classes, and predictions said with them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from nbkeras.models.checked_numbers import counted
from nbkeras.models.pretrained import cache
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from nbkeras.runtime.keras_lines import Line

_TWO_AXES = 2


def imagenet_names(line: Line, progress: Callable[[int, int | None], None]) -> tuple[str, ...]:
    """Return the names of ImageNet's 1,000 classes, from the file that Keras keeps; it is downloaded once.

    Raises:
        Refusal: when it is not there and can't be had.
    """
    path, _ = cache.bring(cache.CLASS_NAMES, line, progress)
    return _read(path)


def checked_names(names: Sequence[str], classes: int | None) -> tuple[str, ...]:
    """Return the user's names of classes.

    Raises:
        Refusal: for what are no texts, for a name that stands twice, and for other than ``classes`` names.
    """
    found = tuple(names) if not isinstance(names, str) else (names,)
    wrong = next((each for each in found if not isinstance(each, str)), None)
    if wrong is not None:
        raise Refusal(f"class_names: expected texts, received {wrong!r} among them: write  str(name)")
    twice = next((each for each in found if found.count(each) > 1), None)
    if twice is not None:
        raise Refusal(f"class_names: expected each name once, received {twice!r} twice: leave one out")
    if classes is not None and len(found) != classes:
        raise Refusal(
            f"class_names: expected {classes:,} names, one for each class, received {len(found):,}: leave "
            "classes  out, it is their number"
        )
    return found


def best_classes(predictions: Any, names: Sequence[str], top: int) -> list[list[tuple[str, float]]]:
    """Return for each image its most probable classes, the best first, with their probabilities.

    Example:
        >>> best_classes([[0.1, 0.7, 0.2]], ["cat", "dog", "fox"], top=2)
        [[('dog', 0.7), ('fox', 0.2)]]

    Args:
        predictions: what ``model.predict`` returns: images by classes.
        names: of the classes.
        top: how many classes an image.

    Raises:
        Refusal: for predictions of another shape, and for less than one class.
    """
    import numpy as np

    top = counted(top, "top")
    values = np.asarray(predictions)
    if values.ndim != _TWO_AXES or values.shape[1] != len(names):
        raise Refusal(
            f"decode: expected predictions of shape (images, {len(names)}), received {values.shape}: type  "
            "decode(model.predict(images))"
        )
    order = np.argsort(-values, axis=1, kind="stable")[:, :top]
    return [
        [(names[at], float(row[at])) for at in best] for row, best in zip(values, order.tolist(), strict=True)
    ]


def _read(path: Path) -> tuple[str, ...]:
    classes = json.loads(path.read_text("utf-8"))
    return tuple(classes[str(at)][1].replace("_", " ") for at in range(len(classes)))
