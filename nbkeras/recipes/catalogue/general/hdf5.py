"""What h5py is for, whether it works, and what a file of weights holds."""

from __future__ import annotations

from pathlib import Path

from nbkeras.recipes.parameter import Switch
from nbkeras.recipes.places import File
from nbkeras.recipes.recipe import Recipe

RECIPE = Recipe(
    name="hdf5",
    faq="8",
    section="General",
    topic="HDF5 and h5py",
    question="How do I install h5py, and what is in a file of weights?",
    answer=(
        "TensorFlow installs h5py, and h5py's wheel brings the HDF5 library: nothing else is to be "
        "installed, and where it is missing, %pip install h5py brings it. The code tells whether it works, "
        "too. Keras writes .weights.h5 and .h5 files with it, and needs it for .keras files, which hold "
        "their weights in HDF5."
    ),
    changed=(
        "HDF5 no longer has to be installed with the system's package manager. Files for a whole model are "
        "now .keras; .h5 is read and written for old times' sake."
    ),
    silent=(
        "In a .weights.h5 of Keras 3 the groups are named by the layers' classes (dense, dense_1, …), "
        "whatever the layers are called: two models whose layers merely follow each other alike load each "
        "other's weights. The layer's own name stands in the attribute `name` of its group `vars`."
    ),
    keywords=(
        *("h5", "libhdf5", "install", "look into", "inspect", "weights.h5", "import error", "health"),
        *("h5 file", "h5py not installed", "ImportError"),
    ),
    links=(
        ("Saving weights", "https://keras.io/api/models/model_saving_apis/weights_saving_and_loading/"),
        ("Save, serialize, and export models", "https://keras.io/guides/serialization_and_saving/"),
    ),
    parameters=(
        File(
            name="path",
            label="File",
            help="An HDF5 file, such as one of weights; without one the code writes a small one.",
            suffixes=(".h5", ".hdf5"),
            exists=True,
            optional=True,
            default="",
        ),
        Switch(
            name="values",
            label="Ranges",
            help="Also tell the least and the greatest value of each array, which finds NaN and infinity.",
            default=True,
            examples=(False,),
        ),
    ),
    template=Path(__file__).with_suffix(".py.jinja"),
)
