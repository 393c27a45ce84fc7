"""Keeps out of a notebook what TensorFlow logs of each reduction that it traces."""

from __future__ import annotations

import logging

from nbkeras.devices.tensorflow_build import tensorflow

# Of one `fit` on two devices, TensorFlow 2.21 writes nine lines of these kinds into the cell, where it
# takes Python for interactive.
_OF_REDUCTIONS = ("Reduce to ", "Collective all_reduce tensors: ", "Using MirroredStrategy with devices ")


def leave_out_reductions() -> None:
    """Leave those lines out of TensorFlow's log, in this process; its warnings and all else stay."""
    log = tensorflow().get_logger()
    if _tells not in log.filters:
        log.addFilter(_tells)


def _tells(record: logging.LogRecord) -> bool:
    return record.levelno > logging.INFO or not str(record.msg).startswith(_OF_REDUCTIONS)
