"""The form of a fine-tuning without a front end: its stages, its tree, and the way back."""

from __future__ import annotations

import html

import numpy as np
import pytest

import nbkeras
from nbkeras import recipes
from nbkeras.recipes.stages import joined, stage_texts
from nbkeras.widgets.fine_tuning_form.form import FineTuningForm
from nbkeras.widgets.wizard import made, running, shown
from nbkeras.widgets.wizard.kinds import form_of
from nbkeras.widgets.wizard.saved import LIMIT
from tests.recipes import wrong


@pytest.fixture
def variables():
    return {}


@pytest.fixture
def form(variables):
    form = form_of(recipes.get("fine_tune"), variables)
    shown._wizards[form.id] = form
    yield form
    shown.remove(form)


@pytest.fixture
def net(variables):
    """A model of plain layers in the notebook, with data."""
    import keras

    layers = keras.layers
    inputs = keras.Input((8, 8, 1))
    hidden = layers.Conv2D(4, 3, name="first")(inputs)
    hidden = layers.MaxPooling2D(name="smaller")(hidden)
    hidden = layers.Conv2D(4, 3, name="second")(hidden)
    hidden = layers.GlobalMaxPooling2D(name="pool")(hidden)
    hidden = layers.Dense(6, activation="relu", name="hidden")(hidden)
    model = keras.Model(inputs, layers.Dense(3, activation="softmax", name="last")(hidden), name="net")
    model.compile("adam", "sparse_categorical_crossentropy")
    variables.update(base=model, layers=np.zeros((40, 8, 8, 1), "float32"), stages=np.zeros(40, "int32"))
    return model


def field(form, name):
    return next(each for each in form.fields if each.name == name)


def enter(form, **values):
    for name, value in values.items():
        field(form, name).control.value = value


def chosen(form):
    enter(form, model="base", x="layers", y="stages")


def marks(form):
    return dict(zip([row[1] for row in form._tree.rows], form._tree.marks, strict=True))


def test_it_opens_with_an_example_its_plan_and_its_layers(form):
    assert isinstance(form, FineTuningForm)
    assert form.panel.code == form.recipe.code()
    assert form._tree.name == "digits"
    assert form._tree.base == "base"
    assert "head and all of base" in form._plan.value
    assert marks(form)["block2_conv"] == "b01"
    assert marks(form)["head"] == "h11"


def test_stages_are_added_changed_and_removed_and_the_tree_follows(form):
    editor = field(form, "stages").control
    editor._add.click()
    editor.rows[1].what.value = "block2"
    editor.rows[1].numbers["depth"].value = "0.1"
    editor.rows[2].numbers["patience"].value = "2"
    assert editor.value == "head:3:0.001, block2:5:0.0001:0.1, all:3:0.0001::2"
    assert marks(form)["block1"] == "b001"
    assert marks(form)["block2"] == "b011"
    assert marks(form)["block2_norm"] == "b000"
    assert "depth_factor=0.1" in form.panel.code
    assert "early_stopping=2" in form.panel.code
    enter(form, batch_norm=False)
    assert marks(form)["block2_norm"] == "b011"
    editor.rows[0].remove.click()
    assert editor.value.startswith("block2:5")
    assert marks(form)["block1"] == "b01"
    editor.rows[0].remove.click()
    # A last one stays.
    assert editor.rows[0].remove.disabled
    assert [stage_texts(editor.value), joined(stage_texts(editor.value))] == [
        stage_texts("all:3:0.0001::2"),
        "all:3:0.0001::2",
    ]


def test_what_of_a_model_may_train_is_offered(form, net):
    form.refresh()
    chosen(form)
    what = field(form, "stages").control.rows[1].what
    assert what.options == ("head", "all", "1 block", "second", "first")


def test_a_layer_that_is_chosen_in_the_tree_ends_the_base(form, net):
    form.refresh()
    chosen(form)
    # Found by itself.
    assert form._tree.base == "pool"
    assert marks(form)["hidden"] == "h11"
    form._tree._heard(None, {"type": "choose", "name": "hidden"}, None)
    assert form._tree.said == "The base ends at hidden."
    assert field(form, "base").control.value == "hidden"
    assert form._tree.base == "hidden"
    assert marks(form)["hidden"] == "b01"
    assert 'base="hidden"' in form.panel.code
    good = form.panel.code
    # Nothing with weights would be left for the head.
    form._tree._heard(None, {"type": "choose", "name": "last"}, None)
    (problem,) = form.panel.problems
    assert problem[0] == "base"
    assert form._tree.said == problem[2]
    assert "received 'last'" in html.unescape(field(form, "base")._message.value)
    assert form._tree.stale
    assert form._tree.base == "hidden"
    assert form.panel.code == good
    form._tree._heard(None, {"type": "choose", "name": "no such layer"}, None)
    assert field(form, "base").control.value == "last"
    field(form, "base").control.value = ""
    assert (form._tree.base, form._tree.stale) == ("pool", False)


def test_the_example_has_one_base(form):
    form._tree._heard(None, {"type": "choose", "name": "head"}, None)
    assert form._tree.said == "The base of the built-in example ends at base."
    assert form.entries.values["base"] == ""


def test_the_layers_are_shown_before_data_are_chosen(form, net):
    form.refresh()
    enter(form, model="base")
    assert form.panel.problems[0][0] == "x"
    assert form._tree.name == "net"
    assert "<td" in form._plan.value
    assert not form._tree.stale


@pytest.mark.parametrize(
    "way",
    [
        "fit",
        pytest.param("nbkeras", marks=pytest.mark.costly),
        pytest.param("loop", marks=pytest.mark.costly),
    ],
)
def test_the_code_keeps_off_the_notebooks_names(form, net, way):
    form.refresh()
    chosen(form)
    enter(form, way=way)
    assert form.panel.problems == []
    code = form.panel.code
    call = {
        "nbkeras": "fine_tune(\n    base,\n    layers,\n    stages,",
        "fit": "base.fit(",
        "loop": "base(inputs",
    }
    assert call[way] in code
    assert "\nbase = " not in code
    assert "\nstages = " not in code
    before = [weight.numpy() for weight in net.weights]
    space = {"base": net, **{name: form.entries.notebook.value(name) for name in ("layers", "stages")}}
    exec(code.replace("import nbkeras", "").replace("epochs=3", "epochs=1"), {**space, "nbkeras": quiet()})  # noqa: S102
    moved = [not np.array_equal(a, b.numpy()) for a, b in zip(before, net.weights, strict=True)]
    # Of pictures that are all alike, kernels have no gradient.
    assert any(moved[1::2])
    assert space["stages"].shape == (40,)


def quiet():
    """Return nbkeras with a `fine_tune` that shows nothing."""

    class Quiet:
        Stage = nbkeras.Stage

        @staticmethod
        def fine_tune(*data, **options):
            return nbkeras.fine_tune(*data, **options, quiet=True)

    return Quiet


def test_what_is_wrong_in_a_stage_is_said_at_its_field_and_nothing_runs(form, monkeypatch):
    monkeypatch.setattr(running, "get_ipython", lambda: pytest.fail("it ran"))
    editor = field(form, "stages").control
    good = editor.value
    for text in wrong._NO_STAGES:
        editor.value = text
        assert [name for name, *_ in form.panel.problems] == ["stages"], repr(text)
        cells = [cell for row in editor.rows for cell in row.cells.values()]
        (cell,) = (cell for cell in cells if "nbk-field-stages" in cell._dom_classes)
        assert cell.children[1].value
        running.run(form.id, form.panel.edition)
        assert form.panel.status == "changed"
    editor.value = good
    editor.rows[1].numbers["rate"].value = "fast"
    assert "nbk-field-stages" in editor.rows[1].cells["rate"]._dom_classes
    editor.rows[1].numbers["rate"].value = "0.01"
    assert form.panel.problems == []
    assert not any(
        "nbk-field-stages" in cell._dom_classes for row in editor.rows for cell in row.cells.values()
    )
    # Signs that part the text are no part of a name.
    editor.rows[1].what.value = "a:1, head"
    assert len(editor.rows) == 2
    assert "received 'a;1; head'" in html.unescape(field(form, "stages")._message.value)


@pytest.mark.parametrize(
    ("values", "name", "words"),
    [
        ({"way": "loop", "stages": "all:1:::2"}, "stages", "expected no patience for a loop"),
        ({"way": "loop", "stages": "all:1::0.1"}, "stages", "expected one rate for all layers in a loop"),
        ({"model": "base", "x": "flat", "y": "stages"}, "x", "expected batches of shape"),
        (
            {"model": "base", "x": "layers", "y": "stages", "stages": "3:1"},
            "stages",
            "stage 1: expected 1 to 2",
        ),
        ({"model": "shift"}, "model", "this notebook"),
    ],
)
def test_what_does_not_go_together_is_told_of_one_field(form, variables, net, values, name, words):
    variables["flat"] = np.zeros((40, 3))
    form.entries.values |= values
    form.refresh()
    assert form.panel.problems[0][0] == name
    assert words in form.panel.problems[0][2]


def test_rates_by_depth_are_for_keras_3_or_nbkeras(form):
    enter(form, stages="all:1::0.1", way="fit")
    assert "MultiOptimizer" in form.panel.code
    form.entries.line = "tf_keras"
    form.refresh()
    (problem,) = form.panel.problems
    assert problem[0] == "line"
    assert "expected one rate for all layers with tf_keras" in problem[2]
    enter(form, way="nbkeras")
    assert form.panel.problems == []


def test_what_is_saved_has_plan_and_layers(form):
    saved = form.saved()
    assert saved["text/plain"] == f"{form.recipe.question}\n\n{form.panel.code.rstrip()}"
    for words in ("head and all of base", "block2_conv", "frozen", "fine_tune"):
        assert words in saved["text/html"]


@pytest.mark.costly
def test_what_is_saved_of_a_large_model_stays_small(form, variables):
    import keras

    stack = [keras.layers.Dense(2, name=f"layer_with_a_name_{number}") for number in range(300)]
    parts = [keras.Input((2,)), *stack, keras.layers.Flatten(), keras.layers.Dense(1)]
    variables["deep"] = keras.Sequential(parts, name="deep")
    variables["deep"].compile("sgd", "mse")
    form.refresh()
    enter(form, model="deep")
    assert len(form._tree.rows) == 302
    saved = form.saved()
    assert "more inside these" in saved["text/html"]
    assert len(str(saved).encode()) <= LIMIT


def test_times_are_estimated_by_steps_that_change_nothing(form, variables, net):
    assert form._estimate.layout.display == "none"
    form.refresh()
    chosen(form)
    weights = [each.numpy() for each in net.weights]
    form._estimate.children[0].click()
    assert "about" in form._plan.value
    # What the base puts out is computed once, and the form says so.
    assert "computed once (--no-cache)" in html.unescape(form._plan.value).replace("\u200b", "")
    assert all(np.array_equal(a, b.numpy()) for a, b in zip(weights, net.weights, strict=True))
    assert net.optimizer.iterations.numpy() == 0
    # They stay until the plan is another one.
    form.show()
    assert "about" in form._plan.value
    enter(form, batch_size="16")
    assert "about" not in form._plan.value


def test_undo_gives_the_weights_back(form, variables, net, monkeypatch):
    # Tests of others in this process may have left runs that look live.
    monkeypatch.setattr("nbkeras.widgets.fine_tuning_form.form.live_runs", list)
    form.refresh()
    chosen(form)
    assert form._undo.layout.display == "none"
    before = [weight.numpy() for weight in net.weights]
    data = (variables["layers"] + 1, variables["stages"])
    nbkeras.fine_tune(net, *data, stages=[nbkeras.Stage("all")], quiet=True)
    form.refresh()
    assert form._undo.layout.display is None
    (button,) = form._undo.children
    button.click()
    assert "net: weights, trainable flags" in form.said.value
    assert all(np.array_equal(a, b.numpy()) for a, b in zip(before, net.weights, strict=True))
    assert form._undo.layout.display == "none"


def test_undo_finds_what_the_forms_own_code_has_made(form, variables, net, monkeypatch):
    monkeypatch.setattr(made, "_made", {"fine_tune": {"x": 1, "model": net}})
    object.__setattr__(net, "_nbkeras_before_fine_tuning", None)
    form.show()
    assert form._undo.layout.display is None
