"""What one run of a cell showed, in the order in which it happened; JSON carries it to other processes."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any

Pairs = list[tuple[str, str]]
"""Names and digests, in the order of a model or an optimizer."""


@dataclass(slots=True)
class Value:
    """A variable of the notebook: what it is in words, and the digests of it."""

    words: str
    digest: str
    loose: str = ""
    """The digest of its items whatever their order, where it has items."""


@dataclass(slots=True)
class Batch:
    """A batch as the training got it: for each part of it, the digest as it is and that of its samples."""

    parts: list[str]
    loose: list[str]


@dataclass(slots=True)
class RandomLayer:
    """A layer that draws random numbers: its name, its class, and whether it was given a seed."""

    name: str
    kind: str
    seeded: bool


@dataclass(slots=True)
class Fit:
    """One ``fit`` of the cell."""

    model: str
    line: str
    seed: int | None = None
    """TensorFlow's global seed when it began."""
    random: dict[str, str] = field(default_factory=dict)
    variables: dict[str, Value] = field(default_factory=dict)
    """The notebook's variables when it began."""
    weights: Pairs = field(default_factory=list)
    seeds: Pairs = field(default_factory=list)
    optimizer: Pairs = field(default_factory=list)
    layers: list[RandomLayer] = field(default_factory=list)
    pipeline: list[str] = field(default_factory=list)
    """What is known of how the data are made, in the words of `batches.pipeline_facts`."""
    batches: list[Batch] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    marks: dict[str, Pairs] = field(default_factory=dict)
    """The weights after some of the steps."""
    epochs: list[dict[str, float]] = field(default_factory=list)
    final: Pairs = field(default_factory=list)
    stopped: bool = False
    """It was stopped by hand: what is missing at its end says nothing."""


@dataclass(slots=True)
class Trace:
    """One run of a cell."""

    label: str
    fresh: bool = False
    start: dict[str, Value] = field(default_factory=dict)
    random: dict[str, str] = field(default_factory=dict)
    fits: list[Fit] = field(default_factory=list)
    end: dict[str, Value] = field(default_factory=dict)
    unseen: list[str] = field(default_factory=list)
    """What the cell has made and has no value that two runs could compare, each with its kind."""
    hash_probe: str = ""
    """The hash of a text: it tells whether two processes order sets alike."""
    error: str = ""

    def to_json(self) -> str:
        """Return it as JSON."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Trace:
        """Read it from JSON."""
        held = json.loads(text)
        held["start"], held["end"] = _values(held["start"]), _values(held["end"])
        held["fits"] = [_fit(each) for each in held["fits"]]
        return cls(**held)


def _values(held: dict[str, Any]) -> dict[str, Value]:
    return {name: Value(**each) for name, each in held.items()}


def _fit(held: dict[str, Any]) -> Fit:
    for name in ("weights", "seeds", "optimizer", "final"):
        held[name] = _pairs(held[name])
    held["marks"] = {step: _pairs(each) for step, each in held["marks"].items()}
    held["variables"] = _values(held["variables"])
    held["layers"] = [RandomLayer(**each) for each in held["layers"]]
    held["batches"] = [Batch(**each) for each in held["batches"]]
    return Fit(**held)


def _pairs(held: list[list[str]]) -> Pairs:
    return [(name, digest) for name, digest in held]
