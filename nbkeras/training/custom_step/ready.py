"""Ready bodies of steps: files that one can read, in ``bodies/``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkeras.runtime.keras_lines import line_of
from nbkeras.runtime.refusal import Refusal
from nbkeras.training.custom_step.state import scales_loss

if TYPE_CHECKING:
    from nbkeras.training.custom_step.body import Kind

FOLDER = Path(__file__).parent / "bodies"


def ready_names(kind: Kind) -> list[str]:
    """Return the names of the ready bodies for one kind of step."""
    return sorted(path.name.removesuffix(".py.jinja") for path in (FOLDER / kind).glob("*.py.jinja"))


def ready_body(kind: Kind, name: str, model: Any) -> str:
    """Return a ready body, written for the model's Keras line and its optimizer.

    Args:
        kind: which step it is for.
        name: one of `ready_names`.
        model: the model that it is for.

    Raises:
        Refusal: when there is none of this name.
    """
    names = ready_names(kind)
    if name not in names:
        text = f"body: expected one of {', '.join(names)}, received {name!r}: give  {names[0]}"
        raise Refusal(text)
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(  # noqa: S701 - it writes Python, not HTML
        loader=FileSystemLoader(FOLDER),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    scaled = scales_loss(getattr(model, "optimizer", None))
    return environment.get_template(f"{kind}/{name}.py.jinja").render(line=line_of(model), scaled=scaled)
