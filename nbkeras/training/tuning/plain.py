"""Writes a tuned cell as plain KerasTuner code."""

from __future__ import annotations

import ast
import textwrap
from typing import TYPE_CHECKING, Any

from nbkeras.runtime.keras_lines import active_line
from nbkeras.runtime.refusal import Refusal
from nbkeras.training.code_calls import PARAMETERS
from nbkeras.training.code_edits import Edit, Source, without_magics
from nbkeras.training.code_names import Names
from nbkeras.training.tuning.marks import marked
from nbkeras.training.tuning.objective import Objective, parse_objective
from nbkeras.training.tuning.oracles import CLASSES, TRIALS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nbkeras.training.tuning.options import TuneOptions
    from nbkeras.training.tuning.space import Choices, Range

_ASKED = {"hp.Float", "hp.Int", "hp.Choice", "hp.Boolean", "hp.Fixed"}
_INDENT = " " * 8
_AFTER = """\
values = history.history["{name}"]
at = values.index({best}(values))
return {{name: values[at] for name, values in history.history.items()}}
"""
_CODE = '''\
{imports}

class Search(keras_tuner.{tuner}):
    """Each trial runs the whole cell, and keeps the model of its best epoch."""

    def run_trial(self, trial, *args, **kwargs):
        hp = trial.hyperparameters
        best_model = keras.callbacks.ModelCheckpoint(
            self.path(trial), monitor="{name}", mode="{mode}", save_best_only=True
        )
{body}
    def path(self, trial):
        return os.path.join(self.get_trial_dir(trial.trial_id), "best.keras")

    def load_model(self, trial):
        return keras.models.load_model(self.path(trial))


{space}tuner = Search(
    objective=keras_tuner.Objective("{name}", "{mode}"),
{arguments}    overwrite=True,  # else a search that is left over in the directory goes on
)
tuner.search()
hp = tuner.get_best_hyperparameters()[0]
model = tuner.get_best_models()[0]
print(hp.values)
'''


def plain_search(cell: str, options: TuneOptions, namespace: Mapping[str, Any]) -> str:
    """Return a cell as plain KerasTuner code that searches the same values in the same way.

    Args:
        cell: the source of the cell.
        options: what the magic line asks for.
        namespace: the notebook's variables, to tell models from other things.

    Raises:
        Refusal: when no single ``fit`` stands in the cell's own text.
        SyntaxError: when the cell is no Python.
    """
    code, given = marked(cell, options.space)
    tree = ast.parse(without_magics(code))
    source = Source(code)
    call = _one_fit(tree, Names(tree, namespace))
    objective = _objective(options, call)
    body = source.edited(_edits(call, tree, source, options))
    above = "".join(f"{each.name} = {each.code}\n" for each in given)
    ends = _AFTER.format(name=objective.name, best="max" if objective.direction == "max" else "min")
    whole = f"{above}{body.rstrip()}\n\n{ends}"
    keras = "import keras" if active_line() == "keras" else "import tf_keras as keras"
    return _CODE.format(
        imports=f"import os\n\n{keras}\nimport keras_tuner\n",
        tuner=CLASSES[options.tuner],
        name=objective.name,
        mode=objective.direction,
        body=_indented(whole),
        space=_space(code, tree, given),
        arguments=textwrap.indent("".join(f"{each},\n" for each in _arguments(options, call)), "    "),
    )


def _space(code: str, tree: ast.Module, given: list[Choices | Range]) -> str:
    """Return the declarations of what is searched, as far as the text of the cell says it.

    Without them KerasTuner would learn the space from its first trials; its Hyperband, which draws values
    before it runs any, would end at once (1.4.8).
    """
    asked = (
        ast.get_source_segment(code, node) or ""
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in _ASKED and _is_literal(node)
    )
    calls = [*(each.code for each in given), *asked]
    lines = [f"space.{call.removeprefix('hp.')}\n" for call in dict.fromkeys(calls)]
    return "".join(["space = keras_tuner.HyperParameters()\n", *lines])


def _is_literal(call: ast.Call) -> bool:
    try:
        for value in [*call.args, *(keyword.value for keyword in call.keywords)]:
            ast.literal_eval(value)
    except ValueError:
        return False
    return True


def _one_fit(tree: ast.Module, names: Names) -> ast.Call:
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _is_fit(node, names)]
    inside = {id(node) for scope in _functions(tree) for node in ast.walk(scope)}
    own = [call for call in calls if id(call) not in inside]
    if len(own) != 1:
        text = (
            f"code: expected one call of fit in the cell, outside of functions, received {len(own)}: "
            "write  history = model.fit(…)  in the cell"
        )
        raise Refusal(text)
    return own[0]


def _is_fit(call: ast.Call, names: Names) -> bool:
    function = call.func
    return (
        isinstance(function, ast.Attribute) and function.attr == "fit" and not names.is_other(function.value)
    )


def _functions(tree: ast.Module) -> Iterator[ast.AST]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
    yield from (node for node in ast.walk(tree) if isinstance(node, kinds))


def _objective(options: TuneOptions, call: ast.Call) -> Objective:
    from nbkeras.runs import metrics

    given = _given(call)
    if options.objective is None and not given & {"validation_data", "validation_split"}:
        text = (
            "objective: expected a fit with validation data, received one without: "
            "give fit  validation_split=0.2, or take  --objective loss"
        )
        raise Refusal(text)
    name, direction = parse_objective(options.objective or "val_loss")
    return Objective(name, direction or metrics.direction(name))


def _given(call: ast.Call) -> set[str]:
    places = PARAMETERS["fit"][: len(call.args)]
    return {*places, *(keyword.arg for keyword in call.keywords if keyword.arg)}


def _edits(call: ast.Call, tree: ast.Module, source: Source, options: TuneOptions) -> list[Edit]:
    """Return what changes in the cell: the callback joins the fit, and its history gets a name."""
    given = _given(call)
    new = ["callbacks=[best_model]"]
    edits = []
    own = next((keyword.value for keyword in call.keywords if keyword.arg == "callbacks"), None)
    if own is not None:
        start, end = source.start(own), source.end(own)
        text = ast.get_source_segment("".join(source.lines), own) or ""
        edits.append(Edit(start, end, f"[*{text}, best_model]"))
        new = []
    if options.tuner == "hyperband":
        new += ['epochs=hp["tuner/epochs"]', 'initial_epoch=hp["tuner/initial_epoch"]']
    elif options.epochs is not None and "epochs" not in given:
        new.append(f"epochs={options.epochs}")
    if options.tuner == "hyperband":
        epochs = next((keyword for keyword in call.keywords if keyword.arg == "epochs"), None)
        if epochs is not None:
            edits.append(Edit(source.start(epochs.value), source.end(epochs.value), 'hp["tuner/epochs"]'))
            new.remove('epochs=hp["tuner/epochs"]')
    if new:
        bracket = source.end(call) - 1
        members = [*call.args, *(keyword.value for keyword in call.keywords)]
        comma = ", " if members and not source.has_comma(members, bracket) else " " if members else ""
        edits.append(Edit(bracket, bracket, comma + ", ".join(new)))
    statement = next((s for s in tree.body if call in ast.walk(s)), None)
    is_named = (
        isinstance(statement, ast.Assign)
        and statement.value is call
        and ast.unparse(statement.targets[0]) == "history"
    )
    if not is_named:
        # Wherever the call stands in an expression, the walrus names its history.
        bare = isinstance(statement, ast.Expr) and statement.value is call
        edits.append(Edit(source.start(call), source.start(call), "history = " if bare else "(history := "))
        if not bare:
            edits.append(Edit(source.end(call), source.end(call), ")"))
    if options.tuner == "hyperband" and statement is not None:
        place = source.place(statement.lineno, 0)
        assert isinstance(call.func, ast.Attribute)  # noqa: S101 - only such calls are chosen
        model = ast.unparse(call.func.value)
        warm = (
            'if "tuner/trial_id" in hp:  # goes on with what a shorter trial has learned\n'
            f'    begun = self.oracle.get_trial(hp["tuner/trial_id"])\n'
            f"    {model}.set_weights(self.load_model(begun).get_weights())\n"
        )
        edits.append(Edit(place, place, warm))
    return edits


def _arguments(options: TuneOptions, call: ast.Call) -> Iterator[str]:
    if options.tuner == "hyperband":
        said = next((keyword.value for keyword in call.keywords if keyword.arg == "epochs"), None)
        known: Any = said.value if isinstance(said, ast.Constant) else None
        known = options.epochs or known
        if known is None:
            text = (
                "epochs: expected the most epochs that hyperband may give a trial, received none: "
                "give  --epochs 30"
            )
            raise Refusal(text)
        yield f"max_epochs={known}"
    elif options.tuner != "grid" or options.trials is not None:
        yield f"max_trials={options.trials or TRIALS}"
    if options.seed is not None:
        yield f"seed={options.seed}"
    yield "hyperparameters=space"
    yield f'directory="{options.directory}"'
    yield f'project_name="{options.name}"'


def _indented(code: str) -> str:
    """Indent code into a method; lines inside of texts stay as they are."""
    lines = code.splitlines(keepends=True)
    inside = {
        line
        for node in ast.walk(ast.parse(_as_function(code)))
        if isinstance(node, (ast.Constant, ast.JoinedStr))
        and isinstance(getattr(node, "value", ""), str)
        and node.end_lineno is not None
        # The function's own line stands before the code.
        for line in range(node.lineno - 1, node.end_lineno - 1)
    }
    return "".join(
        line if at in inside or not line.strip() else _INDENT + line for at, line in enumerate(lines)
    )


def _as_function(code: str) -> str:
    """Return code with its return made a statement that stands anywhere."""
    return "\n" + without_magics(code).replace("\nreturn {name:", "\n_ = {name:")
