"""A range test in a notebook: the plot, a list of its rates, and buttons that use one."""

from __future__ import annotations

import html
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
from ipywidgets import HTML, Box, Button, Dropdown, Layout, VBox

from nbkeras.runtime.frontend import in_kernel
from nbkeras.runtime.refusal import Refusal
from nbkeras.training.rate_finder.found import shown_as
from nbkeras.widgets.finders.rate_picture import described, picture, rates_bundle, told
from nbkeras.widgets.wizard.showing import live_bundle

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbkeras.training.rate_finder.found import RatesFound

# The picture has a light ground of its own; JupyterLab says on its page which theme it has.
_STYLE = (
    "<style>.nbk-rates svg{max-width:100%;height:auto}"
    '[data-jp-theme-light="false"] .nbk-rates svg{filter:invert(.9) hue-rotate(180deg)}</style>'
)


def install() -> None:
    """Show range tests in notebooks from now on; a second call changes nothing."""
    if bundle not in shown_as:
        shown_as.append(bundle)


def bundle(found: RatesFound) -> dict[str, Any]:
    """Return what a front end shows of a range test: in a notebook a widget, and what stays without it."""
    saved = rates_bundle(found)
    if not in_kernel() or not found.rates:
        return saved
    return live_bundle(saved, RateView(found).root.model_id)


class Keys(anywidget.AnyWidget):
    """Shows nothing, and keeps keys for the fields beside it."""

    _esm = Path(__file__).with_name("keys.js")


class RateView:
    """The widgets of one range test.

    Args:
        found: the test, with a rate at least.
    """

    def __init__(self, found: RatesFound) -> None:
        """Make the widgets; `root` is the one to display."""
        self._found = found
        self._words = described(found)
        self._plot = HTML()
        self._plot.add_class("nbk-rates")
        nearest = min(
            range(len(found.rates)), key=lambda place: abs(found.rates[place] - (found.suggested or 0))
        )
        self.rates = Dropdown(
            value=nearest,
            options=[(f"{rate:.3e}", place) for place, rate in enumerate(found.rates)],
            description="Look at rate",
            layout=Layout(width="max-content"),
            style={"description_width": "initial"},
        )
        self._said = HTML()
        self.buttons = {name: self._button(name, rate) for name, rate in found.suggestions.items()}
        self._own = Button(layout=Layout(width="auto"))
        self._own.on_click(lambda _: self.use(found.rates[self.rates.value]))
        self.message = HTML()
        row = Box([*self.buttons.values(), self._own], layout=Layout(flex_flow="row wrap"))
        lines = HTML("".join(f"<div>{html.escape(line)}</div>" for line in found.lines()))
        self.root = VBox([lines, self._plot, self.rates, self._said, row, self.message, Keys()])
        self.root.add_class("nbk-rates-view")
        self.rates.observe(lambda _: self._look(), "value")
        self._look()

    def use(self, rate: str | float) -> None:
        """Give the model a rate, and say so, or why not."""
        try:
            said = self._found.used(rate)
        except Refusal as refusal:
            said = str(refusal)
        self.message.value = f'<div role="status">{html.escape(said)}</div>'

    def _button(self, name: str, rate: float) -> Button:
        button = Button(
            description=f"Use {rate:.1e} ({name})",
            tooltip=f"Give the model's optimizer the rate {rate:.2e}",
            layout=Layout(width="auto"),
        )
        button.on_click(self._user(name))
        return button

    def _user(self, name: str) -> Callable[[Any], None]:
        return lambda _: self.use(name)

    def _look(self) -> None:
        at = self.rates.value
        plot = picture(self._found, at=at, in_page=True)
        self._plot.value = f'{_STYLE}<div role="img" aria-label="{html.escape(self._words)}">{plot}</div>'
        self._said.value = f'<div aria-live="polite">{html.escape(told(self._found, at))}</div>'
        self._own.description = f"Use {self._found.rates[at]:.1e} (looked at)"
        self._own.tooltip = f"Give the model's optimizer the rate {self._found.rates[at]:.2e}"
