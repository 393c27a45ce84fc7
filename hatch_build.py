"""Let hatchling build the view before it packs it.

An in-tree hook and not hatch-jupyter-builder, which goes by file times, and can't ask for Node.js
only where the machine has none.
"""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ViewBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Builds the view for wheels, sdists and editable installs."""

    def dependencies(self) -> list[str]:
        """Ask for PyPI's Node.js where the view must be built and the machine has no Node.js."""
        view = self._view()
        return [] if view["is_built"]() or view["find_npm"]() else [view["NODE_FROM_PYPI"]]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Build the view, or end with one line that says why not."""
        view = self._view()
        try:
            view["build"]()
        except view["ViewError"] as error:
            self.app.abort(f"nbkeras: {error}.")

    def _view(self) -> dict[str, Any]:
        return runpy.run_path(str(Path(self.root) / "scripts" / "build_view.py"))
