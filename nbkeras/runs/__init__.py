"""The record of every training run: live ones, and the log on disk."""

from __future__ import annotations

from nbkeras.runs.opening import openers

__all__ = ["openers"]
