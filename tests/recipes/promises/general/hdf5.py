"""Every array of the file is told with its shape, its layer and its range, NaN included."""

import contextlib
import io
import os
from pathlib import Path

import h5py
import numpy as np

from nbkeras import recipes

FILE = """
import h5py
import numpy as np
with h5py.File("mine.h5", "w") as file:
    group = file.create_group("layer/vars")
    group.attrs["name"] = "mine"
    group["0"] = np.array([[1.0, np.nan], [2.0, 3.0]])
    group["words"] = np.array([b"one", b"two"])
    group["nothing"] = np.zeros((0, 3))
"""
HOME = f"{FILE}import os\nhome, os.environ['HOME'] = os.environ['HOME'], os.getcwd()"
OWN = [({"path": "~/mine.h5"}, HOME), ({"path": "mine.h5", "values": False}, FILE)]


def damaged_and_ill(values, line):
    """A file that was cut off, one that is none, and an h5py made for another HDF5 are a line each."""
    Path("cut.h5").write_bytes(Path("mine.h5").read_bytes()[:900])
    Path("text.h5").write_text("x")
    for name in ("cut.h5", "text.h5"):
        code = recipes.get("hdf5").code(line=line, **{**values, "path": name})
        code = code.replace("h5py.version.hdf5_built_version_tuple", "(1, 8, 5)")
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            exec(code, {})  # noqa: S102 - what the promise is about
        _, ill, well, damaged = said.getvalue().splitlines()
        assert ill.startswith("h5py was built for HDF5 (1, 8, 5): ")
        assert well == "writes and reads a file"
        assert damaged.startswith(f"{name} can't be read to its end: ")


def kept(values, variables, line):
    os.environ["HOME"] = variables.get("home", os.environ["HOME"])
    contents = variables["contents"]
    assert variables["healthy"]
    if values["path"]:
        damaged_and_ill(values, line)
    with h5py.File("mine.h5" if values["path"] else "example.weights.h5") as file:
        arrays = {}
        file.visititems(
            lambda name, item: arrays.update({name: item}) if isinstance(item, h5py.Dataset) else None
        )
        assert list(contents) == list(arrays)
        for name, array in arrays.items():
            assert contents[name][:2] == (array.shape, array.dtype)
    if values["path"]:
        assert {told[2] for told in contents.values()} == {"mine"}
        extents = {name.rpartition("/")[2]: told[3:] for name, told in contents.items()}
        written = ("nan to nan",) if values["values"] else ()
        nothing = ("",) if values["values"] else ()
        assert extents == {"0": written, "words": nothing, "nothing": nothing}
        return
    kernel = variables["model"].layers[0].get_weights()[0]
    told = next(told for told in contents.values() if told[0] == kernel.shape)
    assert told[2] == ("hidden" if line == "keras" else "")
    if values["values"]:
        np.testing.assert_allclose(float(told[3].split(" to ")[1]), kernel.max(), rtol=5e-3)
