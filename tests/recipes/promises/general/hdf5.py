"""Every array of the file is told with its shape, its layer and its range, NaN included."""

import h5py
import numpy as np

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
OWN = [({"path": "mine.h5"}, FILE), ({"path": "mine.h5", "values": False}, FILE)]


def kept(values, variables, line):
    contents = variables["contents"]
    with h5py.File(values["path"] or "example.weights.h5") as file:
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
