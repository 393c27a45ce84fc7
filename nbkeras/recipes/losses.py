"""The loss of a hand-written loop, which asks for it by itself: it is not compiled."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, Any

from nbkeras.recipes import logits, own
from nbkeras.recipes.parameter import Choice

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbkeras.recipes.notebook import Notebook

# A hand-written loop has no use for what compile sets.
MODEL = replace(
    own.MODEL,
    kind="model",
    help="A model of this notebook, compiled or not; without one the code makes a small one.",
)
LOSS = Choice(
    name="loss",
    label="Loss",
    help="What the loop minimises; it has to fit the model's last layer and the targets.",
    options=(
        ("BinaryCrossentropy", "two classes"),
        ("SparseCategoricalCrossentropy", "classes by number"),
        ("CategoricalCrossentropy", "classes one-hot"),
        ("MeanSquaredError", "numbers"),
    ),
    default="BinaryCrossentropy",
    examples=("MeanSquaredError",),
)


def fits(values: Mapping[str, Any], notebook: Notebook | None) -> dict[str, str]:
    """Return that the loss can't compare what the model puts out with the targets.

    Some losses would broadcast one against the other and train on nonsense, the others fail in the step.
    """
    model, x, y, loss = values["model"], values["x"], values["y"], values["loss"]
    if notebook is None or not model:
        return {}
    outputs: Any = getattr(notebook.value(model), "outputs", None) or ()
    wrong = _several(values, notebook, len(outputs)) or logits.told(values, notebook)
    targets = notebook.targets(x, y)
    if wrong or not outputs or targets is None:
        return wrong
    output: tuple[int | None, ...] = tuple(outputs[0].shape)[1:]
    its = output[-1] if output else None
    by_number = _size(targets[1:]) == _size(output[:-1])
    alike = _size(targets[1:]) == _size(output)
    if (
        _size(output) is None
        or _size(targets[1:]) is None
        or _suits(loss, its, by_number=by_number, alike=alike)
    ):
        return {}
    suitable = [name for name, _ in LOSS.options if _suits(name, its, by_number=by_number, alike=alike)]
    found = f"{model} puts out {its} numbers and the targets have shape {targets}"
    if not suitable:
        return {"y" if y else "x": f"expected targets that go with {model}, received others: {found}"}
    return {"loss": f"expected {' or '.join(suitable)}, because {found}; received {loss}"}


def _several(values: Mapping[str, Any], notebook: Notebook, outputs: int) -> dict[str, str]:
    """Return that a loop with one loss can't train several outputs, or on several targets."""
    model, x = values["model"], values["x"]
    if outputs > 1:
        found = f"received {model} with {outputs}"
        return {"model": f"expected a model with one output, {found}: fit trains it, see freeze_layers"}
    if not values["y"] and isinstance(notebook.value(x).element_spec[1], (dict, tuple, list)):
        return {"x": f"expected one tensor of targets beside the inputs, received {x} with several"}
    return {}


def _suits(loss: str, outputs: int | None, *, by_number: bool, alike: bool) -> bool:
    several = outputs is None or outputs > 1
    if loss == "SparseCategoricalCrossentropy":
        return several and by_number
    return alike and (several or loss != "CategoricalCrossentropy")


def _size(shape: tuple[int | None, ...]) -> int | None:
    return None if None in shape else prod(size for size in shape if size is not None)
