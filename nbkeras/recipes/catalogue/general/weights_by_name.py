"""How to take over weights by layer name into another architecture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkeras.recipes.catalogue.general.save_model import weights_alone
from nbkeras.recipes.parameter import Choice, Switch
from nbkeras.recipes.picks import Pick
from nbkeras.recipes.places import File, absent
from nbkeras.recipes.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbkeras.recipes.notebook import Notebook


def _check(values: Mapping[str, Any], notebook: Notebook | None) -> dict[str, str]:
    source, target = values["source"], values["target"]
    if values["of"] == "file":
        missing = weights_alone(values["file"]) or ("" if notebook is None else absent(values["file"]))
        if missing:
            return {"file": missing}
        return {} if target else {"target": "expected the model to fill from the file, received none"}
    if bool(source) != bool(target):
        name = "target" if source else "source"
        return {name: f"expected a model to go with {source or target}, received none"}
    if source and source == target:
        return {"target": f"expected another model than {source}, received the same"}
    return {}


RECIPE = Recipe(
    name="weights_by_name",
    faq="7c",
    section="General",
    topic="Saving models",
    question="How can I load weights into a different architecture, for the layers of the same name?",
    answer=(
        "Copy them layer by layer: for each layer of the new model that has a namesake of the same shapes "
        "in the old one, layer.set_weights(old.get_weights()). Name the layers yourself, tell those of "
        "nested models by their path, and look at the table of what was loaded. For a file of weights "
        "alone, load it first into the architecture that it was saved from."
    ),
    changed=(
        "load_weights(…, by_name=True) is for .h5 files of the old format only; for .weights.h5 files Keras "
        "3 raises an error. The copy works in all versions."
    ),
    silent=(
        "by_name with no name in common loads nothing and says nothing. Names that Keras gives change when "
        "a cell runs again: dense is dense_1 then. skip_mismatch=True is no way out: it goes by class and "
        "position, and a layer put in between gets its neighbour's weights."
    ),
    keywords=(
        *("by_name", "load_weights", "transfer learning", "fine-tuning", "copy weights", "set_weights"),
        *("load weights from another model", "load weights from other model", "different model"),
        *("skip_mismatch", "transfer weights"),
    ),
    links=(
        ("Transfer learning & fine-tuning", "https://keras.io/guides/transfer_learning/"),
        ("Saving weights", "https://keras.io/api/models/model_saving_apis/weights_saving_and_loading/"),
    ),
    parameters=(
        Choice(
            name="of",
            label="Weights of",
            help="Where the weights come from.",
            options=(("model", "a model of this notebook"), ("file", "a file of a whole model")),
            default="model",
        ),
        Pick(
            name="source",
            label="From",
            help="The model that has the weights; without one the code makes two with a layer in common.",
            kind="model",
            default="",
            when=("of", ("model",)),
        ),
        File(
            name="file",
            label="From",
            help="The file of a whole model.",
            suffixes=(".keras", ".h5"),
            default="model.keras",
            when=("of", ("file",)),
        ),
        Pick(
            name="target",
            label="Into",
            help="The model that gets the weights of the layers whose names it shares; it is changed.",
            kind="model",
            default="",
        ),
        Switch(
            name="freeze",
            label="Freeze them",
            help="Training leaves the layers that were loaded as they are; compile the model after that.",
            default=False,
            examples=(True,),
        ),
    ),
    template=Path(__file__).with_suffix(".py.jinja"),
    check=_check,
)
