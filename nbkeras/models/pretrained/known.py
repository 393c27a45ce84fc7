"""The models of ``keras.applications``, with what Keras has published about them."""

from __future__ import annotations

import csv
import difflib
import inspect
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkeras.models.pretrained.hub import has_hub, hub_presets
from nbkeras.models.pretrained.scaling import Scaling, scaling_of
from nbkeras.runtime.keras_lines import keras_module
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from nbkeras.models.pretrained.hub import Preset
    from nbkeras.runtime.keras_lines import Line


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model of ``keras.applications``.

    Attributes:
        name: of the function that makes it.
        line: the Keras line that it was found in.
        module: where its ``preprocess_input`` is, such as ``"mobilenet_v2"``.
        size: height and width of the images that it was trained on, None where nbkeras does not know them.
        megabytes: of its weights in a file, as published, None where Keras has published none.
        parameters: in millions, with the head for ImageNet, likewise.
        top1: accuracy in percent on ImageNet's validation data, likewise.
        top5: the same, where one of the first five classes is the right one.
        scaling: what ``preprocess_input`` does, None where the model itself does it.
    """

    name: str
    line: Line
    module: str
    size: int | None
    megabytes: float | None
    parameters: float | None
    top1: float | None
    top5: float | None
    scaling: Scaling | None

    def build(self, **options: Any) -> Any:
        """Call the function of Keras that makes the model."""
        return getattr(keras_module(self.line).applications, self.name)(**options)


@lru_cache(maxsize=2)
def known_models(line: Line) -> tuple[KnownModel, ...]:
    """Return the models that a Keras line has, the smallest first; it imports Keras.

    Example:
        >>> [model.name for model in known_models("keras")][:2]
        ['MobileNetV3Small', 'MobileNetV2']
    """
    applications = keras_module(line).applications
    modules = {name: module for name, module in vars(applications).items() if inspect.ismodule(module)}
    published = _published()
    found = []
    for name, function in vars(applications).items():
        # The public module of that name need not have the function: mobilenet_v3 lacks them (Keras 3.15.1).
        home = getattr(function, "__module__", "").rpartition(".")[2]
        if inspect.isfunction(function) and home in modules:
            facts = published.get(name, {})
            size = facts.get("size")
            found.append(
                KnownModel(
                    name=name,
                    line=line,
                    module=home,
                    size=None if size is None else int(size),
                    megabytes=facts.get("megabytes"),
                    parameters=facts.get("parameters"),
                    top1=facts.get("top1"),
                    top5=facts.get("top5"),
                    scaling=scaling_of(modules[home].preprocess_input),
                )
            )
    last = float("inf")
    return tuple(sorted(found, key=lambda each: (each.parameters or last, each.name)))


def find_model(name: Any, line: Line) -> KnownModel | Preset:
    """Return the model of a name, in any case of its letters, or the preset of KerasHub.

    Raises:
        Refusal: for a name that this Keras line does not have.
    """
    _check_name(name)
    models = {each.name.lower(): each for each in known_models(line)}
    if name.lower() in models:
        return models[name.lower()]
    presets = {}
    if has_hub(line):
        presets = {each.name: each for each in hub_presets()}
        if name in presets:
            return presets[name]
    names = {**{key: model.name for key, model in models.items()}, **dict.fromkeys(presets)}
    near = difflib.get_close_matches(name.lower(), names, n=1)
    # As Keras's modules and other libraries write them: mobilenet_v2, resnet-50.
    same = models.get(re.sub(r"[-_ ]", "", name.lower()))
    if same is not None:
        mend = f"type  {same.name}"
    elif line == "keras" and name in _published():
        mend = "tf_keras has it"
    elif "_" in name and not has_hub(line):
        mend = "presets of KerasHub need Keras 3 and  %pip install keras-hub"
    elif near:
        mend = f"type  {names[near[0]] or near[0]}"
    else:
        mend = "%pretrained lists them all"
    raise Refusal(f"pretrained: expected a model of {line}.applications, received {name!r}: {mend}")


def _check_name(name: Any) -> None:
    if callable(name):
        function = getattr(name, "__name__", type(name).__name__)
        raise Refusal(
            f"pretrained: expected the name of a model, received {function} itself: type  "
            f'nbkeras.pretrained("{function}")'
        )
    if not isinstance(name, str):
        raise Refusal(
            f"pretrained: expected the name of a model, received {name!r}: %pretrained lists them all"
        )


def published_names() -> list[str]:
    """Return the names of models that Keras 3 or tf_keras has, without importing either."""
    return sorted(_published())


@lru_cache(maxsize=1)
def _published() -> dict[str, dict[str, float]]:
    """Return the published numbers by model and column; what is not published is not there."""
    with Path(__file__).with_name("published.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    return {row.pop("model"): {column: float(text) for column, text in row.items() if text} for row in rows}
