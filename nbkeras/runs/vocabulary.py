"""The words that every part of the room shares."""

from __future__ import annotations

from typing import Literal, TypeAlias

Status: TypeAlias = Literal["running", "paused", "finished", "stopped", "interrupted", "failed"]
"""finished: came to its end; stopped: ended early on request; interrupted: a KeyboardInterrupt
went through, or the kernel died; failed: an exception."""

Kind: TypeAlias = Literal["fit", "evaluate", "predict", "loop", "search"]
Phase: TypeAlias = Literal["train", "validate", "predict"]
Direction: TypeAlias = Literal["min", "max"]
Axis: TypeAlias = Literal["step", "epoch"]

JSON: TypeAlias = "dict[str, JSON] | list[JSON] | str | int | float | bool | None"

UNDER_WAY: frozenset[Status] = frozenset({"running", "paused"})
