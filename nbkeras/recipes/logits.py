"""Whether a model puts out probabilities or logits, which a loss has to be told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbkeras.recipes.parameter import Choice
from nbkeras.runtime.keras_lines import is_model

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbkeras.recipes.notebook import Notebook

_PROBABILITIES = {"sigmoid", "softmax", "hard_sigmoid"}
_LOSSES = ("BinaryCrossentropy", "SparseCategoricalCrossentropy", "CategoricalCrossentropy")

OUTPUTS = Choice(
    name="outputs",
    label="Outputs are",
    help="Probabilities come from a sigmoid or softmax; logits are what a last layer without one gives.",
    options=(
        ("auto", "as the model's end tells"),
        ("probabilities", "probabilities"),
        ("logits", "logits"),
    ),
    default="auto",
    when=("loss", _LOSSES),
)


def followed(values: Mapping[str, Any], notebook: Notebook | None) -> dict[str, bool]:
    """Return ``logits`` for a template: whether the loss is to take the outputs for logits."""
    if values["loss"] not in _LOSSES:
        return {"logits": False}
    if values["outputs"] != "auto":
        return {"logits": values["outputs"] == "logits"}
    return {"logits": bool(notebook is not None and gives_logits(notebook.value(values["model"])))}


def told(values: Mapping[str, Any], notebook: Notebook | None) -> dict[str, str]:
    """Return that the outputs are said to be what they are not, or that nothing tells what they are."""
    name, said = values["model"], values["outputs"]
    if notebook is None or not name or values["loss"] not in _LOSSES:
        return {}
    end = _by_the_end(notebook.value(name))
    if said == "auto":
        unknown = end is None and gives_logits(notebook.value(name)) is None
        what = f"expected probabilities or logits, because nothing of {name} tells which; received auto"
        return {"outputs": what} if unknown else {}
    if end is None or end == (said == "logits"):
        return {}
    found = "without a sigmoid or softmax" if end else "in a sigmoid or softmax"
    return {
        "outputs": f"expected {'logits' if end else 'probabilities'}, because {name} ends {found}; "
        f"received {said}"
    }


def gives_logits(model: Any) -> bool | None:
    """Tell by a model's last activation, else by its compiled loss; None where neither tells."""
    end = _by_the_end(model)
    return _by_the_loss(model) if end is None else end


def _by_the_end(model: Any) -> bool | None:
    outputs = getattr(model, "outputs", None) if is_model(model) else None
    history = getattr(outputs[0], "_keras_history", None) if outputs else None
    # Keras 3 has another word for it than tf_keras.
    last = getattr(history, "operation", None) or getattr(history, "layer", None)
    if is_model(last):
        return _by_the_end(last)
    name = getattr(getattr(last, "activation", None), "__name__", "")
    if name in _PROBABILITIES or type(last).__name__.lower() in _PROBABILITIES:
        return False
    return True if name == "linear" else None


def _by_the_loss(model: Any) -> bool | None:
    loss = getattr(model, "loss", None)
    if isinstance(loss, str):
        return False if "crossentropy" in loss else None
    try:
        told = loss.get_config().get("from_logits")  # type: ignore[union-attr]
    except Exception:  # noqa: BLE001 - a loss may be anything
        return None
    return told if isinstance(told, bool) else None
