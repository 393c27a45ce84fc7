"""The options of `nbkeras.tune` and ``%%tune``, checked as soon as they are given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from nbkeras.runtime.refusal import Refusal
from nbkeras.training.options import fit_options, positive_int
from nbkeras.training.paths import output_directory
from nbkeras.training.tuning.objective import parse_objective
from nbkeras.training.tuning.oracles import TunerName
from nbkeras.training.tuning.space import Choices, Range, parse_search

if TYPE_CHECKING:
    from datetime import timedelta

    from nbkeras.training.options import StrPath

DIRECTORY = ".nbkeras/tuning"
NAME = "search"


@dataclass(frozen=True, slots=True)
class TuneOptions:
    """The options of one search, valid and in one form each."""

    space: tuple[Choices | Range, ...]
    tuner: TunerName
    trials: int | None
    objective: str | None
    epochs: int | None
    directory: str
    resume: bool
    restart: bool
    seed: int | None
    name: str
    max_time: float | None
    quiet: bool


def tune_options(
    *,
    search: str | None = None,
    tuner: str | None = None,
    trials: int | None = None,
    objective: str | None = None,
    epochs: int | None = None,
    directory: StrPath | None = None,
    resume: bool = False,
    restart: bool = False,
    seed: int | None = None,
    name: str | None = None,
    max_time: str | float | timedelta | None = None,
    quiet: bool = False,
) -> TuneOptions:
    """Check the options and bring each into one form.

    Raises:
        Refusal: for the first option that cannot be meant; nothing has happened by then.
    """
    if resume and restart:
        text = "resume: expected one of --resume and --restart, received both: leave one of them away"
        raise Refusal(text)
    if objective is not None:
        parse_objective(objective)
    # These mean for each trial, or for all together, what they mean for a fit.
    fit = fit_options(epochs=epochs, max_time=max_time)
    return TuneOptions(
        space=tuple(parse_search(search or "")),
        tuner=tuner_name("random" if tuner is None else tuner),
        trials=None if trials is None else positive_int(trials, option="trials"),
        objective=objective,
        epochs=fit.epochs,
        directory=output_directory(DIRECTORY if directory is None else directory, option="directory"),
        resume=resume,
        restart=restart,
        seed=None if seed is None else whole_seed(seed),
        name=_folder_name(NAME if name is None else name),
        max_time=fit.max_time,
        quiet=quiet,
    )


def whole_seed(seed: int | str, *, option: str = "seed") -> int:
    """Return a seed.

    Raises:
        Refusal: for what is no whole number of 1 or more.
    """
    if str(seed).strip() == "0":
        # KerasTuner asks whether the seed is true, and draws one of its own for 0 (1.4.8).
        text = (
            f"{option}: expected a whole number of 1 or more, received 0, which KerasTuner takes for none: "
            "give  1"
        )
        raise Refusal(text)
    return positive_int(seed, option=option)


def tuner_name(text: str) -> TunerName:
    """Return the name of a tuner.

    Raises:
        Refusal: when there is none of that name.
    """
    for known in get_args(TunerName):
        if text == known:
            name: TunerName = known
            return name
    names = ", ".join(get_args(TunerName))
    raise Refusal(f"tuner: expected {names}, received {text!r}: give  random")


def _folder_name(text: str) -> str:
    if not text.strip() or Path(text).name != text or text in {".", ".."}:
        raise Refusal(f"name: expected the name of a folder, received {text!r}: give  search2")
    return text
