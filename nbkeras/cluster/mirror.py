"""A run of a worker, shown in the notebook as one of its own.

In the worker an observer of the run tells what is new; in the notebook a `Run` takes it, with its views
and its place in the run log.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from nbkeras.cluster.wire import tell
from nbkeras.runs import registry
from nbkeras.runs.events import Event

if TYPE_CHECKING:
    from nbkeras.callbacks.plan import Continued
    from nbkeras.runs.events import Fresh
    from nbkeras.runs.run import Run
    from nbkeras.runs.vocabulary import Status


class Sender:
    """Tells the notebook of a run of this worker."""

    def __init__(self, run: Run, continued: Continued | None = None) -> None:
        """Begin with a run that has just begun.

        Args:
            run: the run.
            continued: how far an earlier one of its id had come, with which it goes on. Default None.
        """
        self._notes = 0
        # The notebook has those of before.
        self._epochs = 0 if continued is None else continued.epochs
        begin: dict[str, Any] = {
            "kind": run.kind,
            "name": run.name,
            "parameters": run.parameters,
            "environment": run.environment,
            "id": run.id,
        }
        if continued is not None:
            begin["continues"] = (continued.steps, continued.epochs)
            begin["history"] = {name: list(values.items()) for name, values in continued.history.items()}
        tell(run=run.id, begin=begin)
        run.observe(self)

    def on_tick(self, run: Run, fresh: Fresh) -> None:
        """Tell what came since the last tick."""
        notes = run.notes[self._notes :]
        self._notes += len(notes)
        tell(
            run=run.id,
            tick={
                "progress": asdict(run.progress),
                "steps": fresh.steps,
                "epochs": [each for each in fresh.epochs if each[0] > self._epochs],
                "events": [(each.step, each.text, each.time) for each in fresh.events],
                "notes": notes,
                "parameters": run.parameters,
                "directions": run.directions,
                "paused": run.status == "paused",
            },
        )

    def on_end(self, run: Run) -> None:
        """Tell the end."""
        tell(run=run.id, end={"status": run.status, "reason": run.reason})


class Mirror:
    """The runs of rank 0, in the notebook."""

    def __init__(self, *, shown: bool) -> None:
        """Begin with none.

        Args:
            shown: whether the runs are shown as they go on.
        """
        self._shown = shown
        self._ids: dict[str, Run] = {}
        self._failed: dict[Run, str] = {}
        self.runs: list[Run] = []

    @property
    def live(self) -> Run | None:
        """The run that is under way, None between two."""
        return next((run for run in reversed(self.runs) if run.live and run not in self._failed), None)

    def take(self, said: dict[str, Any]) -> Run | None:
        """Take what rank 0 has told of a run; return a run that has just begun."""
        id = said["run"]
        if "begin" in said:
            begin = said["begin"]
            # JSON has no numbers for keys.
            history = {name: dict(pairs) for name, pairs in begin.pop("history", {}).items()}
            run = registry.begin(**begin, history=history, shown=self._shown)
            self._ids[id] = run
            self.runs.append(run)
            return run
        run = self._ids[id]
        if "tick" in said:
            self._tick(run, said["tick"])
        else:
            self._end(run, **said["end"])
        return None

    def close(self, status: Status, reason: str) -> None:
        """End the runs that are still open as the cell has ended."""
        for run in self.runs:
            if run in self._failed and status == "finished":
                # The cell has caught the error.
                run.finish("failed", self._failed[run])
            run.finish(status, reason)

    def _end(self, run: Run, status: Status, reason: str) -> None:
        if status == "failed":
            # The cell's end knows better: rank 0 may have failed because another rank did.
            self._failed[run] = reason
        else:
            # What was asked for here is told in the words of who asked.
            run.finish(status, (status == "stopped" and run.control.stop_reason) or reason)

    @staticmethod
    def _tick(run: Run, told: dict[str, Any]) -> None:
        for name, value in told["progress"].items():
            setattr(run.progress, name, value)
        run.parameters.update(told["parameters"])
        run.directions = told["directions"]
        for note in told["notes"]:
            run.add_note(note)
        for step, values in told["steps"]:
            run.record_step(step, values)
        for epoch, values in told["epochs"]:
            run.record_epoch(epoch, values)
        run.add_events(Event(*each) for each in told["events"])
        run.set_status("paused" if told["paused"] else "running")
        run.tick()
