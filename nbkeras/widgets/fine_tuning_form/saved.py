"""What of a fine-tuning's form stays in a saved notebook: question, plan, layers and code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbkeras.widgets.fine_tuning import plan_bundle
from nbkeras.widgets.layer_tree.saved import tree_table
from nbkeras.widgets.picture.page import fit, render
from nbkeras.widgets.wizard import saved

if TYPE_CHECKING:
    from nbkeras.recipes.recipe import Recipe
    from nbkeras.training.fine_tuning.sketch import Sketch
    from nbkeras.widgets.picture.page import Bundle

# Rows of layers, the most first; a table without styles takes about 150 bytes a row.
_ROWS = (60, 25, 8)


def saved_bundle(recipe: Recipe, code: str, sketch: Sketch | None) -> Bundle:
    """Return the form as it reads without a kernel.

    Args:
        recipe: its recipe.
        code: the code of the form.
        sketch: what was planned, None for nothing.
    """
    plain = saved.saved_bundle(recipe, code)
    if sketch is None:
        return plain
    return fit(saved.LIMIT, _ROWS, lambda rows: _bundle(plain, sketch, rows))


def _bundle(plain: Bundle, sketch: Sketch, rows: int) -> Bundle:
    layers = render(
        "layer_tree.html", name=sketch.paper.model.name, table=tree_table(sketch.rows, sketch.marks, rows)
    )
    return {**plain, "text/html": plain["text/html"] + plan_bundle(sketch.plan)["text/html"] + layers}
