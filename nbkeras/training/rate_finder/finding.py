"""`nbkeras.lr_find`: the Python behind ``%lr_find``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from nbkeras.callbacks.backup.sources import is_sequence
from nbkeras.runtime.durations import parse_duration
from nbkeras.runtime.keras_lines import active_line, is_compiled, is_model, keras_module, line_of
from nbkeras.runtime.refusal import Refusal
from nbkeras.training.custom_step.state import build
from nbkeras.training.options import positive_int
from nbkeras.training.peers import has_peers
from nbkeras.training.rate_finder import course as courses
from nbkeras.training.rate_finder.course import Course, rising
from nbkeras.training.rate_finder.feeding import check_targets, fed
from nbkeras.training.rate_finder.found import RatesFound
from nbkeras.training.rate_finder.ranging import check_optimizer, train
from nbkeras.training.rate_finder.suggesting import suggestions
from nbkeras.training.rate_finder.unread import unread
from nbkeras.training.rate_finder.untouched import untouched

if TYPE_CHECKING:
    from datetime import timedelta

START, END, STEPS, TIME, SMOOTHING = 1e-7, 10.0, 100, "30s", 0.9
_FEWEST = 20


def lr_find(
    model: Any,
    x: Any,
    y: Any = None,
    *,
    sample_weight: Any = None,
    batch_size: int | None = None,
    start: float = START,
    end: float = END,
    steps: int = STEPS,
    max_time: str | float | timedelta = TIME,
    smoothing: float = SMOOTHING,
) -> RatesFound:
    """Find a learning rate: train for some batches while the rate rises, and look how the loss goes.

    The range test of Smith, Cyclical Learning Rates for Training Neural Networks (2015), with the smoothing
    and the suggestions of fastai. It ends early when the smooth loss is above four times its lowest value or
    no number. Afterwards weights, optimizer, metrics, compiled functions, random numbers and the order of the
    data are as before, bit for bit: a ``fit`` that follows gives what it would have given. An interrupt ends
    the test and keeps what it has.

    Example:
        >>> import keras, nbkeras, numpy as np
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
        >>> model.compile("adam", "mse")
        >>> found = nbkeras.lr_find(model, np.ones((64, 4)), np.ones((64, 1)))
        >>> list(found.suggestions)
        ['valley', 'steepest', 'minimum/10']

    Args:
        model: a compiled model of Keras 3 or tf_keras. One without weights yet gets them, as its first call
            would make them.
        x: its inputs: arrays, a list or dict of them, a ``tf.data.Dataset``, or a PyDataset.
        y: its targets, where the inputs are arrays. Default None.
        sample_weight: weights of the samples, where the inputs are arrays. Default None.
        batch_size: samples in a batch of arrays. Default: Keras's 32.
        start: the first rate. Default 1e-7.
        end: the last rate. Default 10.0.
        steps: how many rates, of one batch each. Default 100.
        max_time: time after which no further batch begins: seconds, a ``timedelta``, or text such as
            ``"1m"``. Default ``"30s"``. On a cluster's workers there is no such limit.
        smoothing: the weight of earlier losses in the smooth curve, from 0 to below 1. Default 0.9.

    Returns:
        An object with ``rates``, ``losses``, ``smoothed``, ``suggestions`` and ``suggested``; a notebook
        shows it as a plot with a button for each suggestion, and ``use("valley")`` gives the model that rate.

    Raises:
        Refusal: for a model that is not compiled or has several optimizers, data that can be read once, and
            options out of range.
    """
    planned = rising(*_range(start, end), positive_int(steps, option="steps", least=_FEWEST))
    if not 0 <= smoothing < 1:
        raise Refusal(f"smoothing: expected 0 to below 1, received {smoothing!r}: give  0.9")
    seconds = parse_duration(max_time, option="max_time")
    size = None if batch_size is None else positive_int(batch_size, option="batch_size")
    _check(model)
    check_targets(model, x, y, name="lr_find")
    began = courses.clock()
    line = line_of(model) or active_line()
    # Workers that each look at a clock of their own would stop at different steps and wait for ever.
    is_alone = not has_peers()
    course = Course(planned, smoothing, began + seconds if is_alone else math.inf)
    feed = fed((x, y, sample_weight), size, len(planned), line, name="lr_find")
    untimed = [] if is_alone else ["no limit of time on a cluster, whose workers have a clock each"]
    notes = [*untimed, *feed.notes, *_built(model, feed.arguments["x"], x)]
    with untouched(model, x):
        try:
            train(model, feed.arguments, course)
        except KeyboardInterrupt:
            course.why = "it was interrupted"
        finally:
            feed.end()
    rates, smoothed = tuple(course.rates), tuple(course.smoothed)
    return RatesFound(
        model,
        rates,
        tuple(course.losses),
        smoothed,
        suggestions(rates, smoothed, len(planned)),
        course.why or "the data had no more batches",
        courses.clock() - began,
        tuple(notes),
    )


def _range(start: float, end: float) -> tuple[float, float]:
    if not 0 < start < end < float("inf"):
        raise Refusal(
            f"start, end: expected two rates above 0, the second one larger, received {start!r} and {end!r}: "
            f"give  {START} and {END}"
        )
    return start, end


def _check(model: Any) -> None:
    if not is_model(model):
        raise Refusal(f"lr_find: expected a compiled model, received a {type(model).__name__}: give it first")
    if not is_compiled(model):
        raise Refusal(
            f"lr_find: expected a compiled model, received {model.name!r} without compile: compile it"
        )
    if getattr(model.distribute_strategy, "_should_use_with_coordinator", False):
        raise Refusal(
            f"lr_find: expected a model of this process, received {model.name!r} of parameter servers: test "
            "one that is made outside of the strategy"
        )
    check_optimizer(model)


def _built(model: Any, given: Any, x: Any) -> list[str]:
    """Make the weights of a model that has none yet, as its first call would."""
    if model.built:
        return []
    with unread(x):
        batch = x[0] if is_sequence(x) else getattr(given, "element_spec", None)
    if batch is None:
        raise Refusal(
            f"lr_find: expected a model with weights, received {model.name!r}: call it on a batch first"
        )
    with model.distribute_strategy.scope():
        build(model, keras_module(line_of(model)).utils.unpack_x_y_sample_weight(batch)[0])
    return [f"{model.name} had no weights yet: they were made, as its first call would make them"]
