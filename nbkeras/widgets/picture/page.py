"""HTML from templates, small enough to stay in a notebook."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jinja2 import Environment

Detail = TypeVar("Detail")
Bundle = dict[str, str]
"""What is displayed: MIME type to text."""


@lru_cache(maxsize=1)
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("nbkeras.widgets.picture"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters["words"] = _words
    return environment


def _words(text: str) -> str:
    """Return a text as HTML: what stands between backticks is code."""
    from markupsafe import Markup, escape

    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped just here


def render(template: str, **values: object) -> str:
    """Return a template of this folder filled in, every value escaped."""
    return _environment().get_template(template).render(**values)


def fit(limit: int, details: Sequence[Detail], make: Callable[[Detail], Bundle]) -> Bundle:
    """Return the most detailed bundle that takes at most ``limit`` bytes in a notebook.

    Args:
        limit: the most bytes.
        details: ways to make it, the most detailed first; the last one is taken in any case.
        make: makes the bundle in one of these ways.
    """
    for detail in details:
        bundle = make(detail)
        if size(bundle) <= limit:
            return bundle
    return bundle


def size(bundle: Bundle) -> int:
    """Return how many bytes a bundle takes in a notebook's file.

    Example:
        >>> size({"text/plain": "loss"})
        22
    """
    return len(json.dumps(bundle, ensure_ascii=False).encode())
