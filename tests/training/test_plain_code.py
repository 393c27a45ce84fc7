"""``--code``: the printed code trains exactly as the armed cell does, and keeps the cell's own text."""

from __future__ import annotations

import ast

import numpy as np
import pytest

import nbkeras
from nbkeras.training.code_edits import without_magics
from nbkeras.training.options import fit_options
from nbkeras.training.plain_code import plain_code

NO_CALL = "# nbkeras: no call of fit was found to write the options into\n"


def written(cell, namespace=None, **options):
    code = plain_code(cell, fit_options(**options), namespace or {})
    ast.parse(without_magics(code))
    return code


def test_nothing_asked_leaves_the_cell_as_it_is():
    cell = "# mine\nhistory = model.fit(x, y)  # here\n"
    assert written(cell) == cell


def test_options_become_arguments_and_callbacks():
    assert written("history = model.fit(x, y)", epochs=3, early_stopping=2) == (
        "import keras\n\n"
        "history = model.fit(x, y,\n"
        "    epochs=3,\n"
        "    callbacks=[\n"
        '        keras.callbacks.EarlyStopping(monitor="loss", patience=2, mode="min",'
        " restore_best_weights=True),\n"
        "    ],\n"
        ")"
    )


@pytest.mark.parametrize(
    "call",
    [
        "fit(x, y,)",
        "fit((x), (y))",
        "fit()",
        "fit(\n    x,  # the data\n    y,  # labels, (all)\n)",
        "fit(x, y, callbacks=[mine])",
        "fit(x, y, callbacks=mine, validation_split=0.1)",
        "fit(*data)",
        "fit(daten, größe)  # é",
    ],
)
def test_every_way_to_write_a_call(call):
    code = written(f"history = model.{call}", epochs=3, csv="log.csv")
    tree = ast.parse(code)
    made = next(n for n in ast.walk(tree) if isinstance(n, ast.Call) and getattr(n.func, "attr", "") == "fit")
    names = [keyword.arg for keyword in made.keywords]
    assert names.count("epochs") == 1
    assert names.count("callbacks") == 1


def test_what_the_call_says_stays():
    assert "epochs=3" not in written("model.fit(x, y, epochs=7)", epochs=3)
    assert "epochs=3" not in written("model.fit(x, y, 32, 7)", epochs=3)
    assert "batch_size" not in written("model.predict(x, 64)", batch_size=8)
    assert 'monitor="val_loss"' in written("model.fit(x, y, validation_split=0.1)", early_stopping=1)


def test_other_things_with_a_fit_are_left_alone():
    class Scaler:
        def fit(self, x):
            return self

    cell = "scaler.fit(x)\nsuper().fit(x)\n"
    assert written(cell, {"scaler": Scaler()}, epochs=3) == NO_CALL + cell


@pytest.mark.parametrize(
    "cell",
    [
        "from sklearn.preprocessing import StandardScaler\nStandardScaler().fit(x)",
        "from sklearn.preprocessing import StandardScaler\nscaler = StandardScaler(); scaler.fit(x)",
        "from sklearn.preprocessing import StandardScaler as S\nscaler = S()\nscaler.set_params().fit(x)",
        "import sklearn.pipeline as pipes\npipes.make_pipeline(a, b).fit(x)",
        "Scaler().fit(x)",
        "scaler = Scaler()\nscaler.fit(x)",
        "class Mine:\n    pass\nclass More(Mine):\n    pass\nMore().fit(x)",
        "np.polynomial.Polynomial.fit(x, y, 2)",
    ],
)
def test_what_the_cell_makes_of_other_packages_is_left_alone(cell):
    from sklearn.preprocessing import StandardScaler

    assert written(cell, {"Scaler": StandardScaler, "np": np}, epochs=3) == NO_CALL + cell


@pytest.mark.parametrize(
    "cell",
    [
        "model = build()\nmodel.fit(x)",
        "for model in models:\n    model.fit(x)",
        "class Mine(keras.Model):\n    pass\nMine().fit(x)",
        "import copy\ncopy.deepcopy(model).fit(x)",
        "from mine import build\nbuild().fit(x)",
        "import keras_tuner\ntuner = keras_tuner.Hyperband(f)\ntuner.hypermodel.build(p).fit(x)",
        "model = keras.Sequential([])\nmodel.fit(x)",
        "self.model.fit(x)",
    ],
)
def test_what_may_be_a_model_is_rewritten(keras, cell):
    # A name of an earlier run of the notebook says nothing of what the cell makes of it.
    assert "epochs=3" in written(cell, {"keras": keras, "model": keras.Sequential([])}, epochs=3)


STOP = 'keras.callbacks.EarlyStopping(monitor="loss", patience=2, mode="min", restore_best_weights=True)'


@pytest.mark.parametrize(
    ("own", "joined"),
    [
        ("None", f"[{STOP}]"),
        ("nothing", f"[{STOP}]"),
        ("[]", f"[{STOP}]"),
        ("[one]", f"[one, {STOP}]"),
        ("[one,]", f"[one,{STOP}]"),
        ("(one,)", f"[*(one,), {STOP}]"),
        ("several", f"[*several, {STOP}]"),
        ("one", f"[one, {STOP}]"),
        ("unknown", f"[unknown or [], {STOP}]"),
        ("a if b else c", f"[(a if b else c) or [], {STOP}]"),
        ("make()", f"[make() or [], {STOP}]"),
        ("One()", f"[One(), {STOP}]"),
        ("[c for c in unknown]", f"[*([c for c in unknown]), {STOP}]"),
    ],
)
@pytest.mark.parametrize("call", ["fit(x, y, callbacks={})", "fit(x, y, 8, 1, 0, {})"])
def test_callbacks_join_those_of_the_call(call, own, joined):
    from keras.callbacks import TerminateOnNaN

    namespace = {
        "keras": __import__("keras"),
        "nothing": None,
        "one": TerminateOnNaN(),
        "One": TerminateOnNaN,
    }
    namespace["several"] = [namespace["one"]]
    code = written("model." + call.format(own), namespace, early_stopping=2)
    assert code == "model." + call.format(joined)


@pytest.mark.parametrize("own", [None, "one", "list", "tuple"])
def test_joined_callbacks_are_all_called(keras, data, own, monkeypatch):
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", str(int(keras.__name__ == "tf_keras")))

    class Count(keras.callbacks.Callback):
        ends = 0

        def on_epoch_end(self, epoch, logs=None):
            self.ends += 1

    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    count = Count()
    mine = {"one": count, "list": [count], "tuple": (count,)}.get(own)
    # Once with what is known of the name, once without.
    for known in ({"keras": keras, "mine": mine}, {"keras": keras}):
        cell = "history = model.fit(x, y, verbose=0, callbacks=mine)"
        space = {"keras": keras, "mine": mine, "model": model, "x": data[0], "y": data[1]}
        exec(written(cell, known, epochs=2, csv="log.csv"), space)  # noqa: S102 - as a notebook does
        assert len(space["history"].history["loss"]) == 2
    assert count.ends == (0 if own is None else 4)


def test_a_list_of_keras_itself_takes_no_others(keras):
    code = written(
        "model.fit(x, y, callbacks=mine)",
        {"mine": keras.callbacks.CallbackList([])},
        early_stopping=2,
    )
    assert "model.fit(x, y, callbacks=mine)" in code
    assert code.startswith("# nbkeras: the call has callbacks that take no others: add keras.callbacks.Early")


def test_batch_size_is_for_arrays(data):
    import tensorflow as tf

    batches = tf.data.Dataset.from_tensor_slices(data).batch(8)
    space = {"x": data[0], "batches": batches, "pair": data}
    assert "batch_size=4" in written("model.fit(x)", space, batch_size=4)
    assert "batch_size=4" in written("model.fit(*pair)", space, batch_size=4)
    assert "batch_size=4" in written("model.predict(x=x)", space, batch_size=4)
    assert "batch_size=4" in written("model.fit(a, b)", batch_size=4)
    assert "model.fit(x, y, batch_size=4)" in written("model.fit(x, y, batch_size=None)", batch_size=4)
    known = "# nbkeras: batches comes in batches: batch_size=4 is not written\nmodel.evaluate(batches)"
    assert written("model.evaluate(batches)", space, batch_size=4) == known
    unknown = "# nbkeras: a may come in batches: batch_size=4 is for arrays alone\nmodel.fit(a)"
    assert written("model.fit(a)", batch_size=4) == unknown
    # What the cell makes of a name is not what it was.
    assert "may come in batches" in written("x = load()\nmodel.fit(x)", space, batch_size=4)


@pytest.mark.parametrize(
    ("opts", "call"),
    [
        ({"epochs": 2}, "model.fit(x, y, **opts)"),
        ({"verbose": 0}, "model.fit(x, y, **opts,\n    epochs=3,\n)"),
        ({"epochs": None}, 'model.fit(x, y, **{**opts, "epochs": 3})'),
    ],
)
def test_options_in_a_known_mapping(opts, call):
    assert written("model.fit(x, y, **opts)", {"opts": opts}, epochs=3) == call
    cell = f"opts = {opts}\nmodel.fit(x, y, **opts)"
    assert written(cell, epochs=3) == f"opts = {opts}\n{call}"
    cell = f"opts = dict(**{opts})\nmodel.fit(x, y, **opts)"
    assert (
        written(cell, epochs=3) == f"# nbkeras: opts may hold epochs already: epochs=3 is not written\n{cell}"
    )


def test_callbacks_in_a_known_mapping(keras):
    one = keras.callbacks.TerminateOnNaN()
    for held, joined in ((one, 'opts["callbacks"], '), ([one], '*opts["callbacks"], '), (None, "")):
        code = written("model.fit(x, y, **opts)", {"opts": {"callbacks": held}}, early_stopping=2)
        assert f'model.fit(x, y, **{{**opts, "callbacks": [{joined}{STOP}]}})' in code


def test_options_in_an_unknown_mapping():
    code = written("model.fit(x, y, **opts)", epochs=3, early_stopping=2)
    assert code == (
        "# nbkeras: opts may hold epochs already: epochs=3 is not written\n"
        f"# nbkeras: opts may hold callbacks already: add {STOP}\n"
        "model.fit(x, y, **opts)"
    )


@pytest.mark.parametrize(
    ("argument", "metric"),
    [
        ("validation_data=None", "loss"),
        ("validation_data=nothing", "loss"),
        ("validation_split=0", "loss"),
        ("validation_split=0.0, validation_data=held", "val_loss"),
        ("validation_split=share", "val_loss"),
        ("validation_data=held", "val_loss"),
    ],
)
def test_validation_is_what_gives_data(argument, metric):
    code = written(f"model.fit(x, y, {argument})", {"nothing": None}, early_stopping=1)
    assert f'monitor="{metric}"' in code


def test_none_says_nothing():
    assert written("model.fit(x, y, epochs=None)", epochs=3) == "model.fit(x, y, epochs=3)"
    assert written("model.fit(x, y, 8, None)", epochs=3) == "model.fit(x, y, 8, 3)"
    assert written("model.fit(x, y, epochs=n)", {"n": None}, epochs=3) == "model.fit(x, y, epochs=3)"
    assert written("n = None\nmodel.fit(x, epochs=n)", epochs=3) == "n = None\nmodel.fit(x, epochs=3)"
    assert written("model.fit(x, epochs=n)\nn = None", epochs=3) == "model.fit(x, epochs=n)\nn = None"


def test_a_cell_without_a_call_says_so():
    cell = "f = model.fit\nf(x, y)"
    assert written(cell, epochs=3) == NO_CALL + cell
    assert written(cell) == cell
    assert written("model.fit(x, epochs=4)", epochs=3) == "model.fit(x, epochs=4)"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("!ls -l\n", ""),
        ("%matplotlib inline\n", "\n%time model.predict(x)"),
        ("%%time\n", ""),
        ("files = !ls\nmodel?\n?model\n", ""),
        ("!ls \\\n  -l\n", ""),
        ('for _ in range(2):\n    !ls\nrest = (7\n  % 3)\ntext = """\n!no\n"""\n', ""),
        ("größe = 'é\x0c\u2028'\n%cd é\n", ""),
    ],
)
def test_lines_of_ipython_stay(before, after):
    code = written(f"{before}model.fit(x, y){after}", epochs=3)
    assert code == f"{before}model.fit(x, y,\n    epochs=3,\n){after}"


def test_what_is_no_python_is_refused():
    with pytest.raises(SyntaxError):
        written("!ls\nmodel.fit(x y)", epochs=3)


def test_imports_stand_behind_what_must_be_first():
    code = written("%%time\nfrom __future__ import annotations\nmodel.fit(x)", csv="log.csv")
    assert code.startswith("%%time\nfrom __future__ import annotations\nimport ")


def test_imports_only_what_is_missing(keras):
    name = keras.__name__
    namespace = {"keras": keras} if name == "keras" else {}
    code = written("model.fit(x)", namespace, csv="a.csv")
    assert ("import keras" in code) is (name != "keras")
    assert written("import keras\nmodel.fit(x)", csv="a.csv").count("import keras") == 1


def test_code_trains_as_the_cell_does(data, tmp_path):
    """Executed, the printed code gives the same weights, history and files as the armed call."""
    import keras

    def model():
        keras.utils.set_random_seed(3)
        model = keras.Sequential([keras.layers.Dense(4, activation="relu"), keras.layers.Dense(1)])
        model.compile("adam", "mse")
        return model

    cell = "history = model.fit(x, y, validation_split=0.25)"
    options = {
        "epochs": 4,
        "batch_size": 16,
        "early_stopping": 2,
        "csv": tmp_path / "log.csv",
        "max_time": 600,
    }
    x, y = data
    armed = {"model": model(), "x": x, "y": y}
    with nbkeras.fitting(quiet=True, **options):
        exec(cell, armed)  # noqa: S102 - as a notebook does
    log = (tmp_path / "log.csv").read_text()
    plain = {"model": model(), "x": x, "y": y}
    exec(written(cell, plain, **options).replace("epochs=4", "epochs=4, verbose=0"), plain)  # noqa: S102
    assert plain["history"].history == armed["history"].history
    assert (tmp_path / "log.csv").read_text() == log
    for ours, theirs in zip(armed["model"].get_weights(), plain["model"].get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_mode_is_what_the_metric_says_of_itself(keras, data):
    """A name such as score is better high; the metric behind it may know better."""
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=[keras.metrics.MeanSquaredError(name="score")])
    (said,) = written("model.fit(x, y)", {"model": model}, early_stopping="score:3").split('mode="')[1:]
    with nbkeras.fitting(quiet=True, early_stopping="score:3") as session:
        model.fit(*data)
    (done,) = session.run.notes[-1].split('mode="')[1:]
    # tf_keras's metrics say nothing.
    assert said[:3] == done[:3] == ("min" if keras.__name__ == "keras" else "max")


@pytest.mark.parametrize(
    ("cell", "is_said"),
    [
        ("model = make()\nmodel.fit(x, y)", True),
        ("model.compile('sgd', 'mse', metrics=[Mean(name='score')])\nmodel.fit(x, y)", True),
        ("model.compile('sgd', 'mse', **more)\nmodel.fit(x, y)", True),
        ("model.compile('sgd', 'mse', metrics=['score'])\nmodel.fit(x, y)", False),
        ("import re\nre.compile('a')\nmodel.compile('sgd', 'mse')\nmodel.fit(x, y)", False),
    ],
)
def test_a_mode_that_rests_on_a_name_is_said_to(cell, is_said):
    comment = '# nbkeras: mode="max" is what the name score says: a metric may say otherwise of itself\n'
    assert (comment in written(cell, early_stopping="score:2")) is is_said
    assert "# nbkeras" not in written(cell, early_stopping=2)


def test_each_fit_of_a_cell_has_files_of_its_own():
    code = written("a.fit(x)\na.evaluate(x)\nb.fit(x)", checkpoint="best.keras", csv="log")
    assert [name for name in ("best.keras", "best-2.keras", "best-3.keras") if f'"{name}"' in code] == [
        "best.keras",
        "best-2.keras",
    ]
    assert '"log"' in code
    assert '"log-2"' in code
    assert "# nbkeras" not in code


@pytest.mark.parametrize("cell", ["for n in 1, 2:\n    model.fit(x)", "def train():\n    model.fit(x)"])
def test_a_fit_that_may_come_again_says_that_its_files_do(cell):
    comment = (
        "# nbkeras: a fit that runs more than once writes the same files again: name them anew for each\n"
    )
    assert written(cell, csv="log.csv").startswith(comment)
    assert not written(cell, epochs=3).startswith("#")
