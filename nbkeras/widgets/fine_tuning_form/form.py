"""The wizard of a fine-tuning: what all wizards have, and its stages, plan, layers and undo."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from IPython import get_ipython
from ipywidgets import HTML, Box, Button, VBox

from nbkeras.recipes.fine_tuning import measured, sketch
from nbkeras.recipes.stages import Stages
from nbkeras.runs.registry import live_runs
from nbkeras.runtime.keras_lines import is_model
from nbkeras.runtime.refusal import Refusal
from nbkeras.training.fine_tuning.before import can_be_undone, undo_fine_tuning
from nbkeras.widgets.fine_tuning import plan_bundle
from nbkeras.widgets.fine_tuning_form.saved import saved_bundle
from nbkeras.widgets.fine_tuning_form.stage_field import StageField
from nbkeras.widgets.layer_tree.view import LayerTree
from nbkeras.widgets.wizard import made
from nbkeras.widgets.wizard.wizard import Wizard

if TYPE_CHECKING:
    from nbkeras.recipes.parameter import Parameter
    from nbkeras.training.fine_tuning.sketch import Sketch
    from nbkeras.widgets.picture.page import Bundle
    from nbkeras.widgets.wizard.fields import Field

# Fields that the layers do not depend on: what is wrong with them hides no layer.
_APART = ("x", "y", "validation", "augmentation", "way", "backup", "line")
_ALWAYS = ("head", "all")


class FineTuningForm(Wizard):
    """The form of the recipe `fine_tune`; its arguments are those of every wizard."""

    sketch: Sketch | None = None
    """The plan that is shown, the last one that was fine."""
    _planned = ""

    def show(self) -> None:
        """Bring all widgets up to date with the entries."""
        super().show()
        try:
            told = self._sketched()
        except Refusal:
            told = None
        if told is None:
            self._tree.stale = True
        else:
            self.sketch = told
            model = told.paper.model
            if repr(told.plan) != self._planned:
                # Times that were measured are those of another plan.
                self._planned = repr(told.plan)
                self._plan.value = plan_bundle(told.plan)["text/html"]
            self._tree.show(model.name, told.rows, told.marks, told.paper.parts.name)
            blocks = told.paper.parts.blocks
            counts = [f"{count} block{'s' * (count > 1)}" for count in range(1, len(blocks))]
            self._stages.offer((*_ALWAYS, *counts[:3], *(block.name for block in reversed(blocks))))
        can_be_measured = self.entries.values.get("model") and self.entries.values.get("x")
        self._estimate.layout.display = None if can_be_measured and told is not None else "none"
        self._undo.layout.display = None if can_be_undone(self._model()) else "none"

    def saved(self) -> Bundle:
        """Return what stays in the notebook's file: the plan and the layers, too."""
        return saved_bundle(self.recipe, self.entries.code, self.sketch)

    def _field(self, parameter: Parameter) -> Field:
        if not isinstance(parameter, Stages):
            return super()._field(parameter)
        self._stages = StageField(parameter, self.entries, self.show)
        return self._stages

    def _is_beside(self, field: Field) -> bool:
        return field is self._stages

    def _beside(self) -> Any:
        self._plan = HTML()
        self._plan.add_class("nbk-plan")
        self._tree = LayerTree(self._chosen)
        estimate = Button(
            description="Estimate times",
            tooltip="Make a few steps of each stage, which change nothing; an augmentation is left out",
        )
        estimate.add_class("nbk-refresh")
        estimate.on_click(lambda _: self._estimate_soon())
        self._estimate = Box([estimate])
        button = Button(
            description="Undo the fine-tuning",
            tooltip="Give the model its weights, trainable flags, optimizer and compile from before",
        )
        button.add_class("nbk-refresh")
        button.on_click(lambda _: self.undo())
        self.said = HTML()
        self._undo = Box([button])
        undoing = Box([self._undo, self.said])
        undoing.add_class("nbk-undo")
        beside = VBox([self._stages.box, self._plan, self._estimate, self._tree, self.panel, undoing])
        beside.add_class("nbk-beside")
        return beside

    def _estimate_soon(self) -> None:
        # In the main thread, when no cell runs: the button may be heard in a thread of its own.
        kernel = getattr(get_ipython(), "kernel", None)
        if kernel is None:
            self.estimate()
        else:
            kernel.io_loop.add_callback(self.estimate)

    def estimate(self) -> None:
        """Show how long each stage is going to take, by a few steps of it that change nothing."""
        try:
            told = measured(self.entries.values, self.entries.notebook)
        except Refusal as refusal:
            self.said.value = f'<div role="status">{html.escape(str(refusal))}</div>'
        else:
            self._plan.value = plan_bundle(told)["text/html"]

    def undo(self) -> None:
        """Give the model back as it was, and say so, or why not."""
        # The button may be heard in a thread beside a training.
        trains = any(run.live for run in live_runs())
        try:
            said = "A training is under way: stop it first." if trains else undo_fine_tuning(self._model())
        except Refusal as refusal:
            said = str(refusal)
        self.said.value = f'<div role="status">{html.escape(said)}</div>'
        self.show()

    def _chosen(self, name: str) -> None:
        """Let the base end at a layer that was chosen in the tree."""
        control = next(each for each in self.fields if each.name == "base").control
        if name not in [value for _, value in control.options]:
            self._tree.said = f"The base of the built-in example ends at {self._tree.base}."
            return
        control.value = name
        wrong = self.entries.problems.get("base", "")
        self._tree.said = wrong or f"The base ends at {name}."

    def _sketched(self) -> Sketch | None:
        """Return the plan of what was entered, None while that can't be told."""
        problems = set(self.entries.problems)
        if problems - set(_APART):
            return None
        values = dict(self.entries.values)
        if problems & {"x", "y", "validation"}:
            values |= {"x": "", "y": "", "validation": ""}
        return sketch(values, self.entries.notebook)

    def _model(self) -> Any:
        """Return the model of the notebook that is meant, or that the form's code has made."""
        name = self.entries.values["model"]
        if name:
            return self.entries.notebook.value(name)
        models = [each for each in made.of(self.recipe.name) if is_model(each)]
        return next(filter(can_be_undone, models), None)
