"""How to train on data that does not fit in memory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from nbkeras.recipes.parameter import Choice, Text, Whole
from nbkeras.recipes.picks import Pick
from nbkeras.recipes.places import File, Folder, unlike_classes
from nbkeras.recipes.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbkeras.recipes.notebook import Notebook

_PLACES = {"images": "folder", "texts": "folder", "hdf5": "file", "arrays": "x_file"}
# What Keras 3.15 and tf_keras 2.21 take in folders; of less than five samples, a fifth is none.
_ENDINGS = {"images": (".bmp", ".gif", ".jpeg", ".jpg", ".png"), "texts": (".txt",)}
_SAMPLES = 5


def _there(values: Mapping[str, Any], _: Notebook | None) -> dict[str, str]:
    """Ask for the data of one's own model, for both arrays, and for datasets that the file holds."""
    source, model = values["source"], values["model"]
    place = _PLACES[source]
    if model and not values[place]:
        return {place: f"expected the data to train {model} with, received none"}
    if source == "arrays" and values["x_file"] and not values["y_file"]:
        return {"y_file": f"expected the targets that go with {values['x_file']}, received none"}
    if source == "arrays" and values["y_file"] and not values["x_file"]:
        return {"x_file": f"expected the inputs that go with {values['y_file']}, received none"}
    if source == "arrays" and values["x_file"]:
        return _arrays(values)
    if source in _ENDINGS and values["folder"]:
        wrong = unlike_classes(values["folder"], _ENDINGS[source], _SAMPLES)
        return {"folder": wrong} if wrong else {}
    return _hdf5(values) if source == "hdf5" and values["file"] else {}


def _arrays(values: Mapping[str, Any]) -> dict[str, str]:
    rows = {name: _rows(values[name]) for name in ("x_file", "y_file")}
    wrong = {
        name: f"expected a file of np.save, received {values[name]!r}, which is none"
        for name, found in rows.items()
        if found is None
    }
    return wrong or _equal(rows["x_file"] or (), rows["y_file"] or (), "y_file", values["x_file"])


def _rows(path: str) -> tuple[int, ...] | None:
    """Return the number of rows of an array in a file, () for one without, None for another file."""
    try:
        # Mapped: of a large file only the head is read.
        return tuple(np.load(Path(path).expanduser(), mmap_mode="r").shape[:1])
    except (OSError, ValueError, EOFError):
        return None


def _hdf5(values: Mapping[str, Any]) -> dict[str, str]:
    try:
        with h5py.File(Path(values["file"]).expanduser()) as file:
            shapes = {name: value.shape for name, value in file.items() if isinstance(value, h5py.Dataset)}
    except OSError:
        return {"file": f"expected an HDF5 file, received {values['file']!r}, which is none"}
    held = ", ".join(list(shapes)[:8]) or "none"
    x, y = values["x_key"], values["y_key"]
    missing = {
        key: f"expected a dataset of the file ({held}), received {values[key]!r}"
        for key in ("x_key", "y_key")
        if values[key] not in shapes
    }
    return missing or _equal(shapes[x][:1], shapes[y][:1], "y_key", x)


def _equal(rows: tuple[int, ...], its: tuple[int, ...], name: str, inputs: str) -> dict[str, str]:
    """Refuse targets that are not one for each of the inputs."""
    if rows == its and rows:
        return {}
    counts = [each[0] if each else 0 for each in (rows, its)]
    return {name: f"expected {counts[0]:,} targets, as many as {inputs} has rows; received {counts[1]:,}"}


_ARRAYS = ("source", ("hdf5", "arrays"))

RECIPE = Recipe(
    name="big_data",
    faq="12",
    section="Training",
    topic="Data that do not fit in memory",
    question="How can I train on data that do not fit in memory?",
    answer=(
        "Feed fit from disk, a batch at a time: folders of images or texts through "
        "keras.utils.…_dataset_from_directory, arrays in files through a tf.data pipeline or a PyDataset "
        "that reads the rows of one batch. Shuffle the rows' numbers, not the rows: that costs no memory."
    ),
    changed=(
        "The …_dataset_from_directory functions live in keras.utils; their old place, keras.preprocessing, "
        "still works. Keras 3 calls keras.utils.Sequence PyDataset; tf_keras has Sequence only."
    ),
    silent=(
        "A cache behind shuffle or batch replays the first epoch's order for ever: cache single samples, "
        "then shuffle. A cache file of an earlier run is read again even when the data changed. With "
        "shuffle=False a folder's validation part holds its last classes only."
    ),
    keywords=(
        *("memory", "dataset", "tf.data", "image folder", "text folder", "directory", "memmap"),
        *("generator", "PyDataset", "Sequence", "HDF5", "h5py", "cache", "prefetch", "stream", "large"),
        *("out of memory", "too big for RAM", "larger than memory", "csv", "images from folder"),
        *("flow_from_directory", "ImageDataGenerator", "fit_generator", "image_dataset_from_directory"),
    ),
    links=(
        ("Image data loading", "https://keras.io/api/data_loading/image/"),
        ("Text data loading", "https://keras.io/api/data_loading/text/"),
        ("tf.data", "https://www.tensorflow.org/guide/data"),
    ),
    parameters=(
        Choice(
            name="source",
            label="Data",
            help="Where the data lie; a folder needs one folder in it for each class.",
            options=(
                ("images", "images in folders"),
                ("texts", "texts in folders"),
                ("hdf5", "arrays in an HDF5 file"),
                ("arrays", "arrays in .npy files"),
            ),
            default="images",
            examples=("texts", "hdf5", "arrays"),
        ),
        Folder(
            name="folder",
            label="Folder",
            help="The folder that holds the classes' folders; without one the code makes a small one.",
            default="",
            exists=True,
            optional=True,
            when=("source", ("images", "texts")),
        ),
        File(
            name="file",
            label="HDF5 file",
            help="The file with the inputs and targets; without one the code makes a small one.",
            default="",
            suffixes=(".h5", ".hdf5"),
            exists=True,
            optional=True,
            when=("source", ("hdf5",)),
        ),
        Text(
            name="x_key",
            label="Inputs",
            help="The name of the inputs in the HDF5 file.",
            default="x",
            expected="a dataset's name",
            when=("source", ("hdf5",)),
        ),
        Text(
            name="y_key",
            label="Targets",
            help="The name of the targets in the HDF5 file.",
            default="y",
            expected="a dataset's name",
            when=("source", ("hdf5",)),
        ),
        File(
            name="x_file",
            label="Inputs",
            help="The file of the inputs, as np.save writes it; without one the code makes a small one.",
            default="",
            suffixes=(".npy",),
            exists=True,
            optional=True,
            when=("source", ("arrays",)),
        ),
        File(
            name="y_file",
            label="Targets",
            help="The file of the targets.",
            default="",
            suffixes=(".npy",),
            exists=True,
            optional=True,
            when=("source", ("arrays",)),
        ),
        Choice(
            name="pipeline",
            label="Read by",
            help="tf.data reads ahead and in parallel; a Python class is easier to extend.",
            options=(("tf.data", "tf.data"), ("class", "a Python class")),
            default="tf.data",
            examples=("class",),
            when=_ARRAYS,
        ),
        Whole(
            name="image_size",
            label="Image size",
            help="Height and width to which each image is scaled.",
            default=64,
            examples=(32,),
            maximum=10_000,
            when=("source", ("images",)),
        ),
        Choice(
            name="cache",
            label="Cache",
            help="Keep what was read and decoded for the next epochs.",
            options=(("none", "no"), ("memory", "in memory"), ("disk", "on disk")),
            default="none",
            examples=("disk",),
            when=("source", ("images", "texts")),
        ),
        Whole(name="batch_size", label="Batch size", help="Samples for one update.", default=16),
        Pick(
            name="model",
            label="Model",
            help="A compiled model to train; with data of your own and no model, the code only reads.",
            kind="compiled model",
            default="",
        ),
    ),
    template=Path(__file__).with_suffix(".py.jinja"),
    check=_there,
)
