"""KerasHub's presets for classifying images, where it is installed."""

from __future__ import annotations

import importlib
import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from nbkeras.runtime.keras_lines import Line

_KAGGLE = "kaggle://"


@dataclass(frozen=True, slots=True)
class Preset:
    """A model of KerasHub.

    Attributes:
        name: of the preset, such as ``"resnet_50_imagenet"``.
        parameters: how many weights it has in millions, None where KerasHub does not say.
        description: KerasHub's own words.
        handle: where KerasHub has it from.
    """

    name: str
    parameters: float | None
    description: str
    handle: str

    @property
    def is_here(self) -> bool:
        """Whether kagglehub, which brings it, has its files on this machine."""
        if not self.handle.startswith(_KAGGLE):
            return False
        cache = os.environ.get("KAGGLEHUB_CACHE") or "~/.cache/kagglehub"
        return (Path(cache).expanduser() / "models" / self.handle.removeprefix(_KAGGLE)).is_dir()


def has_hub(line: Line) -> bool:
    """Tell whether KerasHub is installed and for this Keras line: it knows Keras 3 alone."""
    return line == "keras" and importlib.util.find_spec("keras_hub") is not None


def hub_presets() -> tuple[Preset, ...]:
    """Return the presets that classify images, the smallest first; it imports KerasHub.

    Raises:
        Refusal: when KerasHub can't be imported.
    """
    try:
        known = importlib.import_module("keras_hub").models.ImageClassifier.presets
    except Exception as error:  # noqa: BLE001 - of any of the packages that it needs
        told = " ".join(f"{type(error).__name__}: {error}".split())
        raise Refusal(
            f"expected a KerasHub that can be imported, received {told}: type  %pip install -U keras-hub"
        ) from None
    found = []
    for name, facts in known.items():
        metadata = facts.get("metadata", {})
        count = metadata.get("params")
        found.append(
            Preset(
                name=name,
                parameters=None if count is None else count / 1e6,
                description=" ".join(str(metadata.get("description", "")).split()),
                handle=str(facts.get("kaggle_handle", "")),
            )
        )
    last = float("inf")
    return tuple(sorted(found, key=lambda each: (each.parameters or last, each.name)))
