"""The code with nbkeras's own tools does what the plain code does."""

from __future__ import annotations

import numpy as np
import pytest

import nbkeras
from nbkeras import recipes
from nbkeras.magics.fit_grammar import FIT
from nbkeras.recipes.notebook import Notebook
from tests.recipes.worker import promises

# Values with which a step of one's own does just what Keras's does, so that random numbers fall alike.
STEPS = [
    ("train_step", {"noise": 0.0, "epochs": 2}),
    ("test_step", {"copies": 1}),
    ("sample_weights", {"way": "train_step", "epochs": 2}),
]


@pytest.mark.parametrize(("name", "values"), STEPS)
def test_a_step_given_as_a_text_trains_as_the_subclass_does(name, values):
    from tensorflow import keras

    ends = []
    for magics in (False, True):
        keras.utils.set_random_seed(3)
        variables = {"__name__": "__main__"}
        exec(recipes.get(name).code(line="keras", magics=magics, **values), variables)  # noqa: S102 - our own code
        ends.append(variables)
    plain, ours = ends
    assert ours["report"].wrong == ()
    for mine, theirs in zip(ours["model"].get_weights(), plain["model"].get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    if name == "test_step":
        assert ours["results"] == plain["results"]
    else:
        assert ours["history"].history == plain["history"].history


@pytest.mark.filterwarnings("ignore:.*shuffle=True")
@pytest.mark.parametrize("at", [None, 0, 1, 2])
def test_models_made_under_the_magic_keep_the_promise_of_the_plain_code(at):
    promise = promises("mixed_precision")
    asked, setup = ({}, "") if at is None else promise.OWN[at]
    recipe = recipes.get("mixed_precision")
    variables = {"__name__": "__main__"}
    exec(setup, variables)  # noqa: S102 - as below
    values = {**recipe.defaults, **asked}
    variables["before"] = promise.before(values, variables)
    code = recipe.code(line="keras", magics=True, notebook=Notebook(variables), **values)
    head, _, body = code.partition("\n")
    assert head == f"%%fit --mixed-precision {values['policy'].removeprefix('mixed_')}"
    assert "set_global_policy" not in body
    word = FIT.parse(head.removeprefix("%%fit "))["mixed_precision"]
    with nbkeras.fitting(mixed_precision=word, quiet=True):
        exec(body, variables)  # noqa: S102 - our own code
    promise.kept(values, variables, "keras")


@pytest.mark.parametrize("values", [{"training": "loop"}, {"reset": False}])
def test_what_no_cell_magic_can_do_stays_plain(values):
    recipe = recipes.get("mixed_precision")
    assert recipe.code(magics=True, **values) == recipe.code(magics=False, **values)


def test_layers_outputs_are_those_of_the_plain_code():
    found = []
    for magics in (False, True):
        variables = {"__name__": "__main__"}
        code = recipes.get("intermediate_layers").code(
            line="keras", magics=magics, layers=("second", "output")
        )
        assert ("nbkeras" in code) == magics
        from tensorflow import keras

        keras.utils.set_random_seed(3)
        exec(code, variables)  # noqa: S102 - our own code
        found.append(variables["features"])
    assert list(found[0]) == list(found[1]) == ["second", "output"]
    for name, rows in found[0].items():
        np.testing.assert_allclose(found[1][name], rows, atol=1e-6)
    # Gradients go through tensors alone.
    assert "nbkeras" not in recipes.get("intermediate_layers").code(magics=True, way="call")


def test_a_tracked_loop_freezes_and_trains_as_the_plain_one():
    from tensorflow import keras

    ends = []
    for magics in (False, True):
        keras.utils.set_random_seed(3)
        variables = {"__name__": "__main__"}
        code = recipes.get("freeze_loop").code(line="keras", magics=magics, epochs=2, fine_epochs=1)
        exec(code, variables)  # noqa: S102 - our own code
        ends.append(variables)
    plain, ours = ends
    assert (ours["losses"], ours["fine_losses"]) == (plain["losses"], plain["fine_losses"])
    for mine, theirs in zip(ours["model"].get_weights(), plain["model"].get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    # Each stage is a run of its own, with what its loop said.
    told = [(run.status, run.history) for run in nbkeras.runs.all()[-2:]]
    losses = (ours["losses"], ours["fine_losses"])
    assert told == [("finished", {"loss": pytest.approx(each)}) for each in losses]


def test_the_notebooks_own_model_stays_the_same_object():
    from tensorflow import keras

    mine = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    mine.compile("sgd", "mse")
    data = {"a": np.ones((8, 2), "float32"), "b": np.ones((8, 1), "float32")}
    variables = {"mine": mine, **data}
    exec(recipes.get("train_step").code(line="keras", magics=True, model="mine", x="a", y="b"), variables)  # noqa: S102
    assert variables["mine"] is mine
    assert mine.history.epoch == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("folder", ["logs {run}", "logs $run"])
def test_a_name_in_which_ipython_would_put_values_stays_off_the_magic_line(folder):
    plain, braced = (
        recipes.get("monitoring").code(
            line="keras", magics=True, log="tensorboard", histograms=False, folder=each
        )
        for each in ("logs run", folder)
    )
    assert plain.startswith("%%fit --tensorboard 'logs run'")
    assert not braced.startswith("%")
    assert repr(folder) in braced
