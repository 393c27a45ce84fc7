"""How far an interrupted fine-tuning had come."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nbkeras.callbacks.backup.about import can_go_on, is_over
from nbkeras.callbacks.backup.callback_states import history_of
from nbkeras.callbacks.backup.directories import own_directory
from nbkeras.callbacks.backup.store import Store
from nbkeras.callbacks.plan import Continued
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from nbkeras.training.fine_tuning.plan import FineTuningPlan
    from nbkeras.training.options import FitOptions


@dataclass(frozen=True, slots=True)
class SoFar:
    """What earlier processes have done of the stages.

    Attributes:
        whole: how far all stages together had come, None where there is no backup.
        finished: how many of them are finished.
        begun: how many an earlier process has begun, and marked in the run.
    """

    whole: Continued | None = None
    finished: int = 0
    begun: int = 0


def stages_so_far(options: FitOptions, plan: FineTuningPlan) -> SoFar:
    """Read the backups of all stages.

    Raises:
        Refusal: for a stage that was finished with fewer epochs, and that another one has gone on from; for a
            fine-tuning that has come to its end, where that is not to be given again.
    """
    if options.backup is None or options.restart:
        return SoFar()
    whole, finished, over = None, 0, False
    for each in plan.stages:
        loaded = _store(options, each.number).load()
        if loaded is None:
            break
        about, history = loaded[0].about, history_of(loaded[1]["callbacks"])
        before = whole or Continued(0, 0)
        merged = {
            name: {**before.history.get(name, {}), **history.get(name, {})}
            for name in dict.fromkeys([*before.history, *history])
        }
        whole = Continued(before.steps + about["done"], about["position"][0], merged)
        has_more = can_go_on(about, before.epochs + each.stage.epochs)
        if about["finished"] and has_more and _store(options, each.number + 1).has_any():
            raise Refusal(
                f"backup: expected {whole.epochs - before.epochs} epochs of stage {each.number}, because the "
                f"next one went on from there, received {each.stage.epochs}: begin anew with  --restart  "
                "(restart=True)"
            )
        if not about["finished"] or has_more:
            break
        finished, over = finished + 1, is_over(about)
    if finished == len(plan.stages) and over and not options.reuse:
        raise Refusal(
            "backup: expected a fine-tuning to go on with, received one that is finished in "
            f"{options.backup!r}: begin anew with  --restart  (restart=True), or take what it came to with  "
            "--reuse  (reuse=True)"
        )
    begun = finished + (whole is not None and _store(options, finished + 1).has_any())
    return SoFar(whole, finished, begun)


def _store(options: FitOptions, number: int) -> Store:
    return Store(Path(own_directory(str(options.backup), number)).expanduser())
