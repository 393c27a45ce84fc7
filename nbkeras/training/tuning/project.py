"""A search's directory: what is left over there, and what goes on in it."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkeras.runtime.refusal import Refusal
from nbkeras.training.tuning.space import differences

if TYPE_CHECKING:
    from nbkeras.training.tuning.options import TuneOptions

STATE = "nbkeras.json"
ORACLE = "oracle.json"  # KerasTuner's own
_VERSION = 1


class Project:
    """The directory of one search, and what we keep in it beside KerasTuner's state."""

    def __init__(self, options: TuneOptions) -> None:
        """Look at the directory; nothing is made or changed yet.

        Raises:
            Refusal: when something is left over there and the options do not say what to do with it.
        """
        # Absolute: a trial may change the current directory.
        self.parent = Path(options.directory).absolute()
        self.name = options.name
        self.path = self.parent / self.name
        self._options = options
        self.facts: dict[str, Any] = {}
        self.trials: dict[str, dict[str, Any]] = {}
        held = self._looks_into()
        if options.resume:
            self._go_on(held)
        elif held == "search" and not options.restart:
            raise Refusal(self._left_over())

    def begin(self, facts: dict[str, Any]) -> list[str]:
        """Make the directory, or check that its search is the one that goes on.

        Args:
            facts: tuner, objective, epochs, seed, space, and the source of what is trained.

        Returns:
            What the user should know.

        Raises:
            Refusal: when the search that is there is another one.
        """
        notes = []
        if self._options.resume:
            self._refuse_another(facts)
            if self.facts.get("source") != facts["source"]:
                notes.append("the code has changed since this search began: earlier trials ran the older one")
            self.facts |= {"source": facts["source"]}
        else:
            if self.path.exists() and self._options.restart:
                shutil.rmtree(self.path)
            self.facts = facts
        self.path.mkdir(parents=True, exist_ok=True)
        self.save()
        return notes

    def save(self) -> None:
        """Write what we keep: whole or not at all, because a kernel may die at any moment."""
        state = {"version": _VERSION, **self.facts, "trials": self.trials}
        new = self.path / f"{STATE}.new"
        new.write_text(json.dumps(state, default=str), encoding="utf-8")
        os.replace(new, self.path / STATE)  # noqa: PTH105 - Path.replace says nothing of being atomic

    def discard(self) -> None:
        """Delete the directory of a search that has come to nothing."""
        shutil.rmtree(self.path, ignore_errors=True)

    def _looks_into(self) -> str:
        """Tell what is there: nothing, a search, or other files.

        Raises:
            Refusal: for other files, which no option is to delete.
        """
        if not self.path.exists() or (self.path.is_dir() and not any(self.path.iterdir())):
            return "nothing"
        if (self.path / ORACLE).exists() or (self.path / STATE).exists():
            return "search"
        text = (
            f"directory: expected a search or nothing in {str(self.path)!r}, received other files: "
            "give another --name (name=…) or --dir (directory=…)"
        )
        raise Refusal(text)

    def _go_on(self, held: str) -> None:
        if held != "search":
            text = (
                f"resume: expected a search in {str(self.path)!r}, received nothing there: "
                "leave resume away to begin one"
            )
            raise Refusal(text)
        try:
            state = json.loads((self.path / STATE).read_text(encoding="utf-8"))
            json.loads((self.path / ORACLE).read_text(encoding="utf-8"))
            if state.pop("version") != _VERSION:
                raise ValueError  # noqa: TRY301 - the same to the user as a file that cannot be read
            self.trials = state.pop("trials")
        except (OSError, ValueError, KeyError, AttributeError):
            text = (
                f"resume: expected a search of nbkeras that can be read in {str(self.path)!r}, received "
                "another program's or damaged files: delete it by --restart (restart=True), or give another "
                "--name (name=…)"
            )
            raise Refusal(text) from None
        self.facts = state

    def _refuse_another(self, facts: dict[str, Any]) -> None:
        changed = differences(self.facts.get("space", []), facts["space"])
        for name in ("tuner", "objective", "epochs", "seed"):
            before, now = self.facts.get(name), facts[name]
            # A seed that is not named is the one that the search has.
            if before != now and not (name == "seed" and now is None):
                changed.append(f"{name} was {before}, is {now}")
        if changed:
            text = (
                f"resume: expected the search that was begun in {str(self.path)!r}, received another one "
                f"({'; '.join(changed)}): take that back, or begin anew by --restart (restart=True) or "
                "another --name (name=…)"
            )
            raise Refusal(text)

    def _left_over(self) -> str:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(self.path.stat().st_mtime))
        count = len(list(self.path.glob("trial_*")))
        trials = "1 trial" if count == 1 else f"{count} trials"
        return (
            f"directory: expected a new search, received {str(self.path)!r}, which holds one of {when} with "
            f"{trials}: go on with it by --resume (resume=True), delete it by --restart (restart=True), or "
            "keep it and give another --name (name=…)"
        )
