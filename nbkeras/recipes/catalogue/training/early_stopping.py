"""How to stop training when the validation loss no longer falls."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkeras.recipes import own
from nbkeras.recipes.parameter import Choice, Number, Switch, Whole
from nbkeras.recipes.picks import Pick
from nbkeras.recipes.recipe import Recipe
from nbkeras.runs import metrics
from nbkeras.training.metric_names import compiled_directions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbkeras.recipes.notebook import Notebook
    from nbkeras.runs.vocabulary import Direction

_WORDS = {"min": "lower", "max": "higher"}


def _directed(values: Mapping[str, Any], notebook: Notebook | None) -> dict[str, str]:
    missing = own.validated(values, notebook)
    metric, mode, known = values["metric"], values["mode"], _known(values, notebook)
    if missing or mode == known or (known is None and mode != "auto"):
        return missing
    if known is None:
        return {"mode": f"expected lower or higher, because {metric} does not say it itself; received auto"}
    if mode == "auto":
        return {}
    better, worse = _WORDS[known], _WORDS[mode]
    return {
        "mode": f"expected {better} or auto, because a {better} {metric} is better; received {worse}, which "
        "would keep the worst weights"
    }


def _known(values: Mapping[str, Any], notebook: Notebook | None) -> Direction | None:
    """Return which way is better, as the model's metric or the metric's name says it."""
    metric = values["metric"]
    model = notebook.value(values["model"]) if notebook is not None and values["model"] else None
    said = compiled_directions(model).get(metrics.group(metric)) if model is not None else None
    return said or metrics.told(metric)


def _mode(values: Mapping[str, Any], notebook: Notebook | None) -> dict[str, Any]:
    known = _known(values, notebook)
    # %%fit takes one that nothing is known of for a loss.
    return {"mode": known if values["mode"] == "auto" else values["mode"], "known": known or "min"}


RECIPE = Recipe(
    name="early_stopping",
    faq="14",
    section="Training",
    topic="Early stopping",
    question="How can I stop training when the validation loss no longer gets better?",
    answer=(
        "Give fit the EarlyStopping callback: it ends training after `patience` epochs without a better "
        "value. Set restore_best_weights=True, or the model keeps its last weights, not its best. Say with "
        "mode whether lower or higher is better: the wrong one keeps the worst weights."
    ),
    changed=(
        "Keras 3 asks the metric object whether higher is better, and raises after the first epoch when "
        "mode='auto' can't tell; older versions took every name that they did not know for one to minimise."
    ),
    silent=(
        "restore_best_weights is False by default: after a run that diverged, the weights are those of its "
        "last epoch. In tf_keras, mode='auto' minimises val_f1 or val_r2. A metric object without a name is "
        "renamed when its cell runs again (auc, then auc_1): EarlyStopping then only warns, and never stops."
    ),
    keywords=(
        *("overfitting", "patience", "EarlyStopping", "interrupt", "plateau", "best weights", "val_loss"),
        *("stop when no improvement", "stop training early", "restore_best_weights", "min_delta"),
        *("overfit", "keep best model"),
    ),
    links=(("EarlyStopping", "https://keras.io/api/callbacks/early_stopping/"),),
    magic="%%fit --early-stopping",
    parameters=(
        *own.OWN_VALIDATED,
        Pick(
            name="metric",
            label="Metric",
            help="What has to get better; val_… is measured on the validation data after each epoch.",
            kind="metric",
            of="model",
            example=("val_loss", "val_accuracy", "loss", "accuracy"),
            default="val_loss",
            examples=("val_accuracy",),
        ),
        Choice(
            name="mode",
            label="Better is",
            help="Whether a lower or a higher value is better; most metrics say it themselves.",
            options=(("auto", "as the metric says"), ("min", "lower"), ("max", "higher")),
            default="auto",
            examples=("min", "max"),
        ),
        Whole(
            name="patience",
            label="Patience",
            help="Epochs without a better value before training ends.",
            default=3,
            examples=(1,),
            minimum=0,
            maximum=10_000,
        ),
        Number(
            name="min_delta",
            label="Least change",
            help="A smaller change than this is none.",
            default=0.0,
            examples=(0.01,),
        ),
        Switch(
            name="restore_best",
            label="Restore best weights",
            help="Give the model the weights of its best epoch at the end.",
            default=True,
            examples=(False,),
        ),
        Whole(
            name="epochs",
            label="Epochs at most",
            help="Where training ends if the metric keeps getting better.",
            default=50,
            examples=(4,),
            maximum=100_000,
        ),
    ),
    template=Path(__file__).with_suffix(".py.jinja"),
    check=_directed,
    follow=_mode,
)
