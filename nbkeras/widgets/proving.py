"""`nbkeras.reproducible`: the Python behind ``%%reproducible``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.utils.capture import capture_output

from nbkeras.reproducibility.proof.verdict import prove
from nbkeras.training.options import positive_int
from nbkeras.training.proving import ProvenFunction
from nbkeras.widgets.divergence import divergence_bundle

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbkeras.reproducibility.proof.verdict import Proof
    from nbkeras.widgets.picture.page import Bundle


class Reproducible:
    """What several runs of a function have proven; as the value of a cell it shows the picture.

    Attributes:
        same: whether all runs gave the same bits; None where there was nothing to compare.
        compared: what was compared, in words: ``"1 training and 2 variables"``.
        first_difference: the first thing that differs, ``""`` where nothing does.
        cause: its most probable cause, ``""`` where nothing differs.
        fix: what to type against it, ``""`` where nothing differs.
        fingerprint: of all weights and optimizers at the end of the first run, ``""`` without a training.
        result: what the first run returned.
        runs: how often the function ran.
    """

    def __init__(self, proof: Proof, result: Any) -> None:
        """Take a proof and what the first run returned."""
        difference, cause = proof.difference, proof.cause
        self._proof = proof
        self.compared = proof.compared
        self.same = None if difference is None and not self.compared else difference is None
        self.first_difference = "" if difference is None else difference.words
        self.cause = "" if cause is None else f"{cause.name}: {cause.why}"
        self.fix = "" if cause is None else cause.fix
        self.fingerprint = proof.fingerprint
        self.result = result
        self.runs = len(proof.traces)

    def __repr__(self) -> str:
        return divergence_bundle(self._proof)["text/plain"]

    def _repr_mimebundle_(self, **_: Any) -> Bundle:
        return divergence_bundle(self._proof)


def reproducible(function: Callable[[], Any], runs: int = 2) -> Reproducible:
    """Run a function several times and compare what it does, bit for bit and step by step.

    What ``%%reproducible`` does for a cell: the first run is monitored as under ``%%fit``, the others are
    quiet. Compared are initial weights, every batch of data, the loss after each step, weights, history, and
    what the function returns. Afterwards globals, models, lists, arrays and random generators that it uses
    are as after the first run. For a new process: ``%%reproducible --fresh-kernel`` above a cell that calls
    it.

    Example:
        >>> import nbkeras, random
        >>> def draw():
        ...     return random.random()
        >>> nbkeras.reproducible(draw).same
        False

    Args:
        function: it is called without arguments, and returns what is to be compared beside its trainings.
        runs: how often it runs, 2 or more. Default 2.

    Raises:
        Refusal: for what is no function without arguments, or for less than two runs: before it runs.
    """
    count = positive_int(runs, option="runs", least=2)
    proven = ProvenFunction(function)
    trace, result = proven.first("run 1")
    traces = [trace]
    try:
        for number in range(2, count + 1):
            with capture_output():
                traces.append(proven.again(f"run {number}"))
    finally:
        proven.put_back()
    return Reproducible(prove(traces, proven.source, proven.held, [], what="the function"), result)
