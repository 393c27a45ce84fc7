"""How to get what the layers inside a model put out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkeras.recipes import own
from nbkeras.recipes.losses import MODEL
from nbkeras.recipes.parameter import Choice
from nbkeras.recipes.picks import Pick
from nbkeras.recipes.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbkeras.recipes.notebook import Notebook


def _consistent(values: Mapping[str, Any], notebook: Notebook | None) -> dict[str, str]:
    missing = _one_input(values["model"], notebook) or own.together(values, notebook)
    model, x, layers = values["model"], values["x"], values["layers"]
    if missing:
        return missing
    if len({path.rpartition("/")[0] for path in layers}) > 1:
        return {"layers": f"expected layers of one and the same model, received {', '.join(layers)}"}
    if notebook is None:
        return {}
    # A nested model's output is that of its own graph; in the whole one it has none that Keras 3 would give.
    for nested in layers:
        inside = [path for path in notebook.names("layer", of=model) if path.rpartition("/")[0] == nested]
        if inside:
            return {"layers": f"expected no nested model, received {nested}: its last layer is {inside[-1]}"}
    if values["way"] == "call" and x in notebook.names("dataset"):
        return {"way": f"expected predict for the dataset {x}: a call takes one batch"}
    return {}


def _one_input(name: str, notebook: Notebook | None) -> dict[str, str]:
    number = len(notebook.value(name).inputs) if notebook is not None and name else 1
    return {} if number == 1 else {"model": f"expected a model with one input, received {name} with {number}"}


RECIPE = Recipe(
    name="intermediate_layers",
    faq="23",
    section="Modelling",
    topic="Intermediate outputs",
    question="How can I get the output of a layer inside a model?",
    answer=(
        "Make a second model from the first one's inputs to the layers' outputs: it shares all weights. Give "
        "the outputs as a dict, and predict returns one array by name. The model has to begin with an Input."
    ),
    changed=(
        "Sequential.input fails in Keras 3 even where there is an Input: use model.inputs[0]. Without an "
        "Input there is no graph before the first call, and Keras 3 says 'no defined inputs'."
    ),
    silent=(
        "A layer that is used twice has the output of its first use. A list of one tensor in the place of "
        "the inputs works, with a warning at every call in Keras 3. A layer of a nested model belongs to "
        "that model's own graph: feed it what the nested model gets, not what the whole one does."
    ),
    keywords=(
        *("feature extraction", "features", "activations", "hidden layer", "embedding", "get_layer"),
        *("output of a layer", "feature vector", "extract embeddings", "activation maps"),
        *("bottleneck features",),
    ),
    links=(
        ("The Functional API", "https://keras.io/guides/functional_api/"),
        ("The Sequential model", "https://keras.io/guides/sequential_model/"),
    ),
    parameters=(
        replace(
            MODEL,
            kind="graph model",
            help="A functional or sequential model of this notebook; without one the code makes a small one.",
        ),
        replace(
            own.X, help="An array or a dataset, of what the model gets; without one the code makes some."
        ),
        Pick(
            name="layers",
            label="Layers",
            help="Whose outputs to get. Those of a nested model start at that model's own inputs.",
            kind="layer",
            of="model",
            many=True,
            example=("first", "second", "output"),
            default=("first",),
            examples=(("second", "output"),),
        ),
        Choice(
            name="way",
            label="As",
            help="Arrays come batch by batch, for any amount of data; tensors all at once.",
            options=(("predict", "arrays"), ("call", "tensors, which gradients go through")),
            default="predict",
            examples=("call",),
        ),
    ),
    magic="%features",
    template=Path(__file__).with_suffix(".py.jinja"),
    check=_consistent,
)
