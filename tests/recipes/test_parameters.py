"""What is asked of a recipe's values beyond their kind: names that are free, places, files, magic lines."""

from __future__ import annotations

import shlex

import h5py
import numpy as np
import pytest

from nbkeras import Refusal, recipes
from nbkeras.recipes import own
from nbkeras.recipes.notebook import Notebook
from nbkeras.recipes.parameter import Number, Whole
from nbkeras.recipes.places import File, Folder

PLACES = [
    (recipe.name, parameter)
    for recipe in recipes.all()
    for parameter in recipe.parameters
    if isinstance(parameter, (File, Folder))
]


@pytest.mark.parametrize("name", ["x", "keras", "np", "rng", "loaded", "print", "len", "class", "1st"])
def test_a_name_that_the_code_or_python_has_is_refused(name):
    with pytest.raises(Refusal, match="custom_objects: custom: expected"):
        recipes.get("custom_objects").code(custom=name)


@pytest.mark.parametrize("name", ["tf", "version", "print", "import"])
def test_a_variable_that_would_take_the_place_of_the_codes_own_is_refused(name):
    with pytest.raises(Refusal, match="cite: variable: expected"):
        recipes.get("cite").code(variable=name)


def test_a_name_is_taken_only_where_the_code_has_it():
    assert "model =" in recipes.get("custom_objects").code(custom="Model")
    assert recipes.get("cite").code(variable="tf", tensorflow=False).endswith("print(tf)\n")


@pytest.mark.parametrize(("name", "place"), PLACES, ids=lambda each: getattr(each, "name", each))
def test_the_home_directory_may_be_written_as_a_tilde(name, place, tmp_path, monkeypatch):
    """Neither open nor Keras knows what ~ is: the code has the directory itself, or asks for it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    recipe = recipes.get(name)
    typed = f"~/in the home{(getattr(place, 'suffixes', ()) or ('',))[0]}"
    values = {**recipe.defaults, place.name: typed}
    if place.when:
        values[place.when[0]] = place.when[1][0]
    if place.name == "y_file":
        values["x_file"] = "x.npy"
    codes = [recipe._written(values, recipe.lines[0], magics=magics) for magics in (False, True)]
    for code in codes if recipe.magic else codes[:1]:
        expanded = str(tmp_path) in code
        asked = f'"{typed}").expanduser()' in code
        by_fit = f"%%fit --tensorboard '{typed}'" in code
        assert expanded or asked or by_fit, code
        # A recipe that asks writes it as it was typed.
        assert code.count("~/") <= code.count(".expanduser()") + code.count("--tensorboard") + code.count(
            "--logdir"
        )


def test_arrays_on_disk_need_a_target_for_each_row(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((5, 2)))
    np.save(tmp_path / "y.npy", np.zeros(4))
    (tmp_path / "text.npy").write_text("x")
    with h5py.File(tmp_path / "both.h5", "w") as file:
        file["x"], file["y"] = np.zeros((5, 2)), np.zeros(3)
    recipe = recipes.get("big_data")
    arrays = {"source": "arrays", "x_file": f"{tmp_path}/x.npy"}
    with pytest.raises(
        Refusal, match=r"y_file: expected 5 targets, as many as .*x\.npy has rows; received 4"
    ):
        recipe.code(**arrays, y_file=f"{tmp_path}/y.npy")
    with pytest.raises(Refusal, match=r"y_file: expected a file of np\.save"):
        recipe.code(**arrays, y_file=f"{tmp_path}/text.npy")
    with pytest.raises(Refusal, match="y_key: expected 5 targets, as many as x has rows; received 3"):
        recipe.code(source="hdf5", file=f"{tmp_path}/both.h5")


def test_what_stands_on_a_magic_line_is_quoted_for_it():
    code = recipes.get("tuning").code(line="keras", magics=True, directory="q\"d 'e")
    words = shlex.split(code.splitlines()[0])
    assert words[words.index("--dir") + 1] == "q\"d 'e"
    code = recipes.get("monitoring").code(magics=True, folder="it's here")
    assert shlex.split(code.splitlines()[0]) == ["%%fit", "--tensorboard", "it's here"]
    code = recipes.get("monitoring").code(magics=True, log="csv", run="it's mine")
    assert shlex.split(code.splitlines()[0]) == ["%%fit", "--name", "it's mine"]


def test_a_search_goes_on_by_magic_only_where_nbkeras_began_it(tmp_path):
    recipe = recipes.get("tuning")
    values = {"again": "resume", "directory": str(tmp_path)}
    assert "keras_tuner" in recipe.code(line="keras", magics=True, **values)
    (tmp_path / "search").mkdir()
    (tmp_path / "search" / "nbkeras.json").write_text("{}")
    assert "--resume" in recipe.code(line="keras", magics=True, **values).splitlines()[0]


@pytest.mark.parametrize(
    ("parameter", "bounds"),
    [
        (Whole(name="n", label="N", help="N.", default=2, minimum=0, maximum=10_000), "0 to 10,000"),
        (Whole(name="n", label="N", help="N.", default=None, maximum=9, optional=True), "1 to 9, or empty"),
        (Number(name="n", label="N", help="N.", default=0.5), "0 or more"),
        (Number(name="n", label="N", help="N.", default=0.5, exclusive=True), "more than 0"),
        (Number(name="n", label="N", help="N.", default=0.5, maximum=0.95), "0 to 0.95"),
    ],
)
def test_bounds_in_words(parameter, bounds):
    assert parameter.bounds == bounds


def test_of_a_large_array_only_some_rows_are_looked_at():
    rows, every = own.sampled("y", Notebook({"y": np.arange(200_000)}))
    assert (len(rows), every, rows[-1]) == (50_000, 4, 199_996)
