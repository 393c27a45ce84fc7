"""The precision that one cell was asked for: its models are made in it, and its fits are held to it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbkeras.checks.layer_dtypes import SHORT, counted, in_words
from nbkeras.devices.policy import FLOAT32, Hardware, Policies, here, policy_of, short_of, under_policy, why
from nbkeras.runtime.keras_lines import active_line, line_of
from nbkeras.runtime.refusal import Refusal
from nbkeras.training.precision.measuring import measure

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from nbkeras.training.calls import Call
    from nbkeras.training.precision.measuring import Measured

_BY = "by --mixed-precision"
# What was faster, by cell: there its models are made under it from the next run on.
_faster: dict[Hashable, str] = {}
_measured: dict[Hashable, Measured] = {}
_cells: list[Hashable] = []


@contextmanager
def known_as(cell: Hashable) -> Iterator[None]:
    """Let ``auto`` know in a block which cell it is."""
    _cells.append(cell)
    try:
        yield
    finally:
        _cells.pop()


@contextmanager
def in_precision(word: str | None) -> Iterator[CellPrecision | None]:
    """Make the models of a block in a precision.

    Args:
        word: one of `nbkeras.devices.policy.WORDS`; None leaves all as it is.

    Raises:
        Refusal: for ``"on"`` where no 16-bit format is known to be fast.
    """
    if word is None:
        yield None
        return
    hardware = here()
    with under_policy(beginning(word, hardware)) as policies:
        yield CellPrecision(word, policies, hardware, _cell())


def beginning(word: str, hardware: Hardware) -> str:
    """Return the policy under which a cell begins; with ``auto`` what was faster, or else what is likely.

    Args:
        word: see `in_precision`.
        hardware: what it trains on.

    Raises:
        Refusal: see there.
    """
    return _faster.get(_cell(), hardware.likely) if word == "auto" else policy_of(word, hardware)


def _cell() -> Hashable:
    return _cells[-1] if _cells else None


@dataclass(frozen=True, slots=True)
class CellPrecision:
    """What one cell was asked for, and the policies under which its models are made.

    Attributes:
        word: as it was asked for.
        policies: those of the cell.
        hardware: what it trains on.
        cell: what tells it from others.
    """

    word: str
    policies: Policies
    hardware: Hardware
    cell: Hashable

    def notes(self, call: Call, asked: int | None = None) -> list[str]:
        """Return what is said of a call; ``auto`` measures a model that it has not met yet.

        Args:
            call: any call; nothing of it is changed.
            asked: the batch size of ``--batch-size``.

        Raises:
            Refusal: for a model of another precision, and one that can't be measured.
        """
        if call.kind != "fit":
            return []
        if self.word == "auto":
            return [self._measured(call, asked)]
        policy, model = self.policies.name, call.model
        if not computes_in(model, policy):
            raise Refusal(self._other(model))
        scaled = ", and the loss is scaled" if policy == "mixed_float16" else ""
        return [f"{policy}: {in_words(model)}{scaled}; {why(policy, self.hardware)}, {_BY}"]

    def _other(self, model: Any) -> str:
        mend = "make it in this cell, or leave the option out"
        if not self.policies.is_in_force(line_of(model) or active_line()):
            mend = "the cell has set another policy itself, as Keras 3's clear_session does: do it earlier"
        return (
            f"mixed_precision: expected a model that was made under {self.policies.name}, received "
            f"{model.name!r} with {in_words(model)}: {mend}"
        )

    def _measured(self, call: Call, asked: int | None) -> str:
        model = call.model
        size = call.batch_size if call.says("batch_size") or call.has_batches else asked or call.batch_size
        short = f"mixed_{self.hardware.short or 'bfloat16'}"
        key = _structure(model, size, short)
        found = _measured.get(key) if key else None
        again = " (measured before)" if found is not None else ""
        if found is None:
            data = (call.get("x"), call.get("y"), call.get("sample_weight"))
            found = measure(model, data, short, size=size)
            _measured.update({key: found} if key else {})
        _faster[self.cell] = found.policy
        said = f"{found}{again}, {_BY} auto"
        if computes_in(model, found.policy):
            return said
        mend = "run the cell again" if self.policies.made(model) else "make it in the cell that trains it"
        return f"{said}; this model has {in_words(model)}: {mend}, and it is made under {found.policy}"


def computes_in(model: Any, policy: str) -> bool:
    """Tell whether a model's layers compute as a policy has it; some of a mixed model may be float32."""
    dtypes = set(counted(model))
    short = short_of(policy)
    if not dtypes:
        # A subclass whose layers are made with its first batch.
        return True
    return not dtypes & {*SHORT} if policy == FLOAT32 else short in dtypes


def _structure(model: Any, size: int | None, short: str) -> Hashable:
    """Return what two models have in common that take the same time, None for one without weights yet."""
    if not model.built:
        return None
    layers = tuple((type(each).__name__, _shapes(each)) for each in model._flatten_layers())  # noqa: SLF001
    return (layers, size, short, type(model.optimizer).__name__)


def _shapes(layer: Any) -> tuple[str, ...]:
    return tuple(str(tuple(weight.shape)) for weight in layer.weights)
