"""The one exception for a user's mistake."""

from __future__ import annotations


class Refusal(ValueError):  # noqa: N818 - it says no to the user; nothing went wrong
    """Say in one line what was expected, what came, and what to type instead.

    It is raised before anything was changed, and a notebook shows its one line
    without a traceback. It is a ``ValueError``, so a script may catch it as one.

    Example:
        >>> from nbkeras.runtime.refusal import Refusal
        >>> raise Refusal("patience must be 0 or more, not -1")
        Traceback (most recent call last):
        ...
        nbkeras.runtime.refusal.Refusal: patience must be 0 or more, not -1

    """

    def _render_traceback_(self) -> list[str]:
        """Tell IPython what to show in place of a traceback."""
        return [f"nbkeras: {self}"]
