"""The code at the side of a form: highlighted, with the buttons that run, copy and insert it."""

from __future__ import annotations

from pathlib import Path

import anywidget
import traitlets

VIEW = Path(__file__).parent.parent / "static" / "wizard.js"


class WizardView(anywidget.AnyWidget):
    """What the view's program draws: one program for the code of a form and for the gallery."""

    _esm = VIEW

    kind = traitlets.Unicode(help="Which of the two it is.").tag(sync=True)


class CodePanel(WizardView):
    """What a view shows of a form's code; the view also ties messages to fields for screen readers."""

    kind = traitlets.Unicode("code").tag(sync=True)
    wizard = traitlets.Unicode(help="The wizard's id, by which Run names it.").tag(sync=True)
    recipe = traitlets.Unicode(help="The recipe's name.").tag(sync=True)
    code = traitlets.Unicode(help="The code, as Copy and Insert below take it.").tag(sync=True)
    edition = traitlets.Int(help="A number of its own for each code: Run names the one that was seen.").tag(
        sync=True
    )
    html = traitlets.Unicode(help="The same, highlighted.").tag(sync=True)
    problems: traitlets.List[list[str]] = traitlets.List(
        help="For each wrong field its name, its label, and what is wrong."
    ).tag(sync=True)
    # Copy and Insert below stay possible where this kernel can't run the code.
    blocked = traitlets.Unicode(help="Why Run can't be pressed, '' if it can.").tag(sync=True)
    status = traitlets.Enum(("", "running", "done", "failed", "changed"), "", help="Of the last run.").tag(
        sync=True
    )
