"""Where Keras keeps downloaded weights, and what is there."""

from __future__ import annotations

import csv
import importlib
import os
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from nbkeras.models.pretrained.download import download, is_right

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbkeras.models.pretrained.known import KnownModel
    from nbkeras.runtime.keras_lines import Line

_HOST = "https://storage.googleapis.com/"


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file that Keras downloads: its name in the folder, its URL, its checksum, ``""`` without one."""

    name: str
    url: str
    checksum: str


CLASS_NAMES = KeptFile(
    "imagenet_class_index.json",
    f"{_HOST}download.tensorflow.org/data/imagenet_class_index.json",
    "c2c37ea517e94d9795004a39431a14cb",
)
"""The names of ImageNet's classes."""


def folder(line: Line) -> Path:
    """Return the folder in which a Keras line keeps its weights.

    Keras 3 takes ``KERAS_HOME`` as it was when Keras was imported; tf_keras (2.21) does not look at it for
    weights. Both go to the folder for temporary files where the other one can't be written to.
    """
    if line == "keras":
        home = Path(importlib.import_module("keras.src.backend.config").keras_home()).expanduser()
    else:
        home = Path("~/.keras").expanduser()
    if not os.access(home, os.W_OK):
        elsewhere = Path("/tmp")  # noqa: S108 - Keras's own choice
        home = (elsewhere if elsewhere.is_dir() else Path(tempfile.gettempdir())) / ".keras"
    return home / "models"


def weights_file(model: KnownModel, *, head: bool, size: tuple[int, int] | None = None) -> KeptFile | None:
    """Return the file of a model's weights for ImageNet, None for a model that nbkeras does not know.

    Args:
        model: of ``keras.applications``.
        head: whether with the head for ImageNet's classes.
        size: of the images; MobileNet and MobileNetV2 have weights for several ones.
    """
    row = _files().get((model.name, head))
    if row is None:
        return None
    sizes = row["sizes"].split()
    rows = str(size[0]) if size and size[0] == size[1] and str(size[0]) in sizes else "224"
    return KeptFile(row["file"].format(size=rows), _HOST + row["address"].format(size=rows), row["checksum"])


def is_here(file: KeptFile | None, line: Line) -> bool:
    """Tell whether a file is in the folder; its checksum is asked for when it is used."""
    return file is not None and (folder(line) / file.name).is_file()


def bring(file: KeptFile, line: Line, progress: Callable[[int, int | None], None]) -> tuple[Path, bool]:
    """Return a file's path, and whether it had to be downloaded.

    One that is there with another checksum is fetched anew, as Keras does.

    Raises:
        Refusal: as `download` does.
    """
    path = folder(line) / file.name
    if path.is_file() and (not file.checksum or is_right(path, file.checksum)):
        return path, False
    download(file.url, path, checksum=file.checksum, progress=progress)
    return path, True


@lru_cache(maxsize=1)
def _files() -> dict[tuple[str, bool], dict[str, str]]:
    with Path(__file__).with_name("weights.csv").open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(line for line in file if not line.startswith("#"))
        return {(row["model"], row["head"] == "yes"): row for row in rows}
