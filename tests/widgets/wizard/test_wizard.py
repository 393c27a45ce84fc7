"""The form of a wizard, without a front end."""

from __future__ import annotations

import json

import numpy as np
import pytest

from nbkeras import recipes
from nbkeras.recipes.parameter import Switch, Text, Whole
from nbkeras.recipes.recipe import Recipe
from nbkeras.widgets.wizard.saved import LIMIT, saved_bundle
from nbkeras.widgets.wizard.wizard import Wizard


@pytest.fixture
def variables():
    return {}


@pytest.fixture
def wizard(variables):
    wizard = Wizard(recipes.get("early_stopping"), variables)
    yield wizard
    wizard.close()


def field(wizard, name):
    return next(each for each in wizard.fields if each._parameter.name == name)


def enter(wizard, name, *, value):
    field(wizard, name).control.value = value


def test_the_code_follows_the_form(wizard):
    assert wizard.panel.code == wizard.recipe.code()
    enter(wizard, "patience", value="7")
    enter(wizard, "restore_best", value=False)
    assert wizard.panel.code == wizard.recipe.code(patience=7, restore_best=False)
    assert "patience" in wizard.panel.html


def test_the_last_good_code_stays_while_something_is_wrong(wizard):
    enter(wizard, "patience", value="7")
    good = wizard.panel.code
    enter(wizard, "patience", value="x<y")
    assert wizard.panel.code == good
    assert wizard.panel.problems == [
        ["patience", "Patience", "expected a whole number such as 3, received 'x<y'"]
    ]
    assert "&lt;" in field(wizard, "patience")._message.value
    enter(wizard, "patience", value="8")
    assert wizard.panel.problems == []
    assert field(wizard, "patience")._message.value == ""


def test_choices_come_from_the_notebook_and_stay_chosen(wizard, variables):
    variables["images"] = np.zeros((4, 2))
    wizard.refresh()
    control = field(wizard, "x").control
    assert [value for _, value in control.options] == ["", "images"]
    control.value = "images"
    variables["labels"] = np.zeros(4)
    wizard.refresh()
    assert control.value == "images"
    assert wizard.panel.problems[0][0] == "model"


def test_files_and_folders_of_the_notebooks_place_are_offered(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("b.h5", "a.hdf5", "text.txt", ".hidden.h5"):
        (tmp_path / name).touch()
    (tmp_path / "images").mkdir()
    wizard = Wizard(recipes.get("hdf5"), {})
    control = field(wizard, "path").control
    assert control.options == ("a.hdf5", "b.h5")
    # Typing stays free.
    enter(wizard, "path", value="elsewhere.h5")
    assert wizard.panel.problems[0][0] == "path"
    (tmp_path / "elsewhere.h5").touch()
    (refresh,) = [each for each in walk(wizard.root) if "nbk-refresh" in each._dom_classes]
    refresh.click()
    assert control.options == ("a.hdf5", "b.h5", "elsewhere.h5")
    assert (control.value, wizard.panel.problems) == ("elsewhere.h5", [])
    wizard.close()
    wizard = Wizard(recipes.get("big_data"), {})
    assert field(wizard, "folder").control.options == ("images",)
    wizard.close()


def walk(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from walk(child)


def test_bounds_stand_below_the_field_before_anything_is_wrong(wizard):
    said = {each._parameter.name: each.box.children[1].value for each in wizard.fields}
    assert said["patience"].endswith("before training ends. 0 to 10,000.")
    assert said["min_delta"].endswith(" 0 or more.")


def test_an_own_models_metric_tells_which_way_is_better(variables):
    import keras

    class Score(keras.metrics.Mean):
        _direction = "down"

    variables["mine"] = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    variables["mine"].compile("sgd", "mse", metrics=[Score(name="wobble"), "poisson"])
    variables["x"], variables["y"] = np.zeros((4, 2)), np.zeros((4, 1))
    wizard = Wizard(recipes.get("early_stopping"), variables)
    for name, value in {"model": "mine", "x": "x", "y": "y", "metric": "val_wobble"}.items():
        enter(wizard, name, value=value)
    assert wizard.panel.problems == []
    assert 'mode="min"' in wizard.panel.code
    enter(wizard, "mode", value="max")
    (problem,) = wizard.panel.problems
    assert problem[0] == "mode"
    assert problem[2].startswith(
        "expected lower or auto, because a lower val_wobble is better; received higher"
    )
    enter(wizard, "mode", value="auto")
    enter(wizard, "metric", value="val_poisson")
    assert wizard.panel.problems[0][0] == "mode"
    wizard.close()


def test_the_notebooks_variables_stay_unless_run_may_replace_them(wizard, variables):
    import keras

    names = next(each for each in walk(wizard.root) if "nbk-field-names" in each._dom_classes)
    control, note = names.children
    assert names.layout.display == "none"
    # Libraries are what the code imports anyway; and what it does not bind is none of its business.
    variables.update(np=np, keras=keras, other=3)
    wizard.refresh()
    assert names.layout.display == "none"
    variables.update(x="mine", rng="mine", x_2="mine")
    wizard.refresh()
    assert names.layout.display is None
    assert note.value.startswith("This notebook has rng and x already")
    assert wizard.panel.code == wizard.recipe.code(taken=["x", "rng", "x_2"])
    assert "x_3 = rng_2.normal(" in wizard.panel.code
    control.value = True
    assert note.value == "Run replaces rng and x of this notebook."
    assert wizard.panel.code == wizard.recipe.code()
    del variables["x"], variables["rng"]
    wizard.refresh()
    assert names.layout.display == "none"


def test_a_name_of_an_import_is_kept_where_it_means_something_else(variables):
    import pathlib

    for value, kept in ((pathlib.Path, True), ("mine", False)):
        wizard = Wizard(recipes.get("recover"), {"Path": value})
        assert ("import Path\n" in wizard.panel.code) is kept
        assert ("import Path as Path_2\n" in wizard.panel.code) is not kept
        wizard.close()


def test_a_name_that_is_typed_has_to_be_free(variables):
    variables["Custom"] = "mine"
    wizard = Wizard(recipes.get("custom_objects"), variables)
    ((name, _, said),) = wizard.panel.problems
    assert name == "custom"
    assert said.startswith("expected a name that is free in this notebook, received 'Custom': choose")
    enter(wizard, "custom", value="Mine")
    assert wizard.panel.problems == []
    enter(wizard, "custom", value="Custom")
    wizard._names.control.value = True
    assert wizard.panel.problems == []
    wizard.close()


def test_a_choice_that_has_gone_is_said_to_be_wrong(wizard, variables):
    variables["images"] = np.zeros((4, 2))
    wizard.refresh()
    enter(wizard, "x", value="images")
    del variables["images"]
    wizard.refresh()
    assert field(wizard, "x").control.value == "images"
    assert wizard.panel.problems[0][:2] == ["x", "Inputs"]


def test_with_magics(wizard):
    wizard._set_magics({"new": True})
    assert wizard.panel.code.startswith("%%fit --early-stopping")


def test_code_for_the_other_line_is_not_run_here(wizard):
    wizard._set_line({"new": "tf_keras"})
    assert wizard.panel.problems == []
    assert wizard.panel.blocked.startswith("This kernel runs Keras 3")
    wizard._set_line({"new": "keras"})
    assert wizard.panel.blocked == ""


def recipe_of(tmp_path, text, **values):
    (tmp_path / "made.py.jinja").write_text(text)
    words = {"faq": "99", "section": "General", "topic": "Made", "question": "How?", "answer": "So."}
    rest = {"changed": "", "silent": "", "keywords": (), "links": (), "template": tmp_path / "made.py.jinja"}
    return Recipe(**{"name": "made", **words, **rest, "parameters": (), **values})


@pytest.fixture
def templates(monkeypatch, tmp_path):
    from nbkeras.recipes import rendering

    monkeypatch.setattr(rendering, "CATALOGUE", tmp_path)
    rendering._environment.cache_clear()
    yield tmp_path
    rendering._environment.cache_clear()


def test_a_line_that_is_refused_says_why(templates):
    made = recipe_of(templates, "1\n", lines=("keras",), refused="use Keras 3")
    wizard = Wizard(made, {})
    wizard._set_line({"new": "tf_keras"})
    assert wizard.panel.problems == [["line", "Write for", "use Keras 3"]]
    assert wizard._line_message.value == "use Keras 3"


def test_a_missing_package_says_how_to_get_it(templates):
    made = recipe_of(templates, "import no_such_module\n", module=("no_such_module", "tuner"))
    assert Wizard(made, {}).panel.blocked == "To run it, type  %pip install 'nbkeras[tuner]'"


def test_fields_that_mean_nothing_are_hidden(templates):
    parameters = (
        Switch(name="save", label="Save", help="Whether.", default=False),
        Text(name="path", label="Path", help="Where.", default="", when=("save", (True,))),
        Whole(name="n", label="N", help="How many.", default=2),
    )
    made = recipe_of(templates, "{{ path|py if save else n }}\n", parameters=parameters)
    wizard = Wizard(made, {})
    path = field(wizard, "path")
    assert path.box.layout.display == "none"
    assert wizard.panel.problems == []
    enter(wizard, "save", value=True)
    assert path.box.layout.display is None
    assert wizard.panel.problems[0][0] == "path"
    enter(wizard, "save", value=False)
    assert wizard.panel.problems == []


@pytest.mark.parametrize("name", recipes.names())
def test_what_is_saved_is_small_and_complete(name):
    recipe = recipes.get(name)
    bundle = saved_bundle(recipe, recipe.code(line=recipe.lines[0]))
    assert len(json.dumps(bundle)) <= LIMIT
    assert "<script" not in bundle["text/html"]
    assert recipe.question in bundle["text/plain"]


def test_what_is_saved_stays_small_for_long_code():
    recipe = recipes.get("early_stopping")
    code = "x = [1, 2, 3]  # three\n" * 500
    bundle = saved_bundle(recipe, code)
    assert "x = [1, 2, 3]" in bundle["text/html"]
    assert 'class="highlight"' not in bundle["text/html"]
