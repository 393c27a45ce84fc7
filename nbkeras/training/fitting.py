"""`nbkeras.fitting`: the Python behind ``%%fit``."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from nbkeras.devices.strategies import under
from nbkeras.reproducibility.seeding import seed as set_seed
from nbkeras.training.arming import arm, armed_last, disarm
from nbkeras.training.options import fit_options
from nbkeras.training.precision.in_cell import in_precision
from nbkeras.training.resuming import kept_generators
from nbkeras.training.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import timedelta

    from nbkeras.training.options import FitOptions, StrPath


@contextmanager
def fitting(
    *,
    name: str | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    early_stopping: int | str | tuple[str, int] | None = None,
    restore_best: bool = True,
    checkpoint: StrPath | None = None,
    tensorboard: StrPath | None = None,
    csv: StrPath | None = None,
    max_time: str | float | timedelta | None = None,
    quiet: bool = False,
    seed: int | None = None,
    backup: StrPath | None = None,
    every: str | int | timedelta | None = None,
    restart: bool = False,
    reuse: bool = False,
    strategy: str | None = None,
    mixed_precision: str | None = None,
    pad: bool = False,
) -> Iterator[Session]:
    """Monitor every ``fit``, ``evaluate`` and ``predict`` inside a ``with`` block.

    The block does what it would do without it, with a live monitor for each call, a record in the run
    log, and the callbacks that the arguments ask for. What is added or set is said above the monitor.
    The first interrupt (■) ends the training and lets ``fit`` return; a second one raises. While the block
    lasts, calls from other threads are monitored by it, too.

    Example:
        >>> import numpy as np, keras, nbkeras
        >>> model = keras.Sequential([keras.layers.Dense(1)])
        >>> model.compile(optimizer="sgd", loss="mse")
        >>> with nbkeras.fitting(epochs=3, early_stopping="loss:2", quiet=True) as session:
        ...     history = model.fit(np.ones((8, 1)), np.ones((8, 1)))
        >>> session.run.status
        'finished'

    Args:
        name: name of the runs; by default the model's name.
        epochs: epochs of a ``fit`` that does not say its own; by default Keras's 1.
        batch_size: samples in a batch, where the call does not say and the data are arrays; by default
            Keras's 32.
        early_stopping: epochs without an improvement after which training stops: ``3``, or with the
            metric ``"val_accuracy:3"``; the metric is ``val_loss`` by default, ``loss`` without
            validation data. By default there is none.
        restore_best: whether early stopping gives back the best weights. Default True.
        checkpoint: file (``.keras``) for the best model so far, judged by early stopping's metric; a second
            ``fit`` of the block takes ``best-2.keras`` in place of ``best.keras``.
        tensorboard: directory for TensorBoard's logs; each run gets a directory in it, named by its id.
        csv: file for the metrics of each epoch, in a directory that exists; a second ``fit`` of the block
            takes ``log-2.csv`` in place of ``log.csv``.
        max_time: stop after this time of training: seconds, a ``timedelta``, or ``"10m"``.
        quiet: record the runs and show nothing. Default False.
        seed: seed Python, NumPy, Keras and TensorFlow with this number as the block begins, let TensorFlow's
            operations be deterministic from then on, and give arrays an order of their own each epoch, the
            same whenever the block runs; from 0 to 4294967295, by default nothing is seeded.
        backup: directory from whose backups a ``fit`` goes on bit for bit, when the block is run again after
            an interrupt, an error or the end of the process, see `nbkeras.ExactBackup`; a second ``fit`` of
            the block takes ``backup-2`` in place of ``backup``. By default there are none.
        every: when to back up: ``"epoch"``, a number of steps, or a time. Default ``"30s"``.
        restart: delete the backups and begin anew. Default False.
        reuse: let a training that is finished give its model and its history again, without training, in
            place of the refusal. Default False.
        strategy: what the block's models are made under and train on: ``"one"`` device, ``"mirrored"`` on
            all GPUs or else all CPUs, the ``"tpu"`` that is connected, or ``"none"``. By default the
            notebook's own (``%strategy``).
        mixed_precision: what the block's models are made in: ``"on"`` is the 16-bit format that this
            hardware is good at, ``"float16"`` and ``"bfloat16"`` name it, ``"off"`` is float32, and
            ``"auto"`` measures for up to 10 s before a training which is faster, see
            `nbkeras.mixed_precision`. By default the notebook's own dtype policy.
        pad: give an uneven last batch of a ``fit`` whole to each of several replicas, and let its metrics
            count once, so that the training is that of one device. Default False: it is shared unevenly.

    Yields:
        An object with the block's ``runs`` so far, and the last ``run``.

    Raises:
        Refusal: for an argument that cannot be meant, a model that is not compiled, a metric that
            the ``fit`` will not report, or backups of another training: before training, and with nothing
            changed.
    """
    options = fit_options(
        name=name,
        epochs=epochs,
        batch_size=batch_size,
        early_stopping=early_stopping,
        restore_best=restore_best,
        checkpoint=checkpoint,
        tensorboard=tensorboard,
        csv=csv,
        max_time=max_time,
        quiet=quiet,
        seed=seed,
        backup=backup,
        every=every,
        restart=restart,
        reuse=reuse,
        strategy=strategy,
        mixed_precision=mixed_precision,
        pad=pad,
    )
    with armed(options) as session:
        yield session
        session.cell_ended()


@contextmanager
def armed(options: FitOptions, each: Callable[[], FitOptions] | None = None) -> Iterator[Session]:
    """Arm a session for a block; whether the block came to its end is the caller's to say.

    Args:
        options: of the whole block.
        each: gives the options of each call, which differ from those in what concerns one ``fit`` alone. By
            default they are the same.
    """
    asked = each or (lambda: options)
    outer = armed_last()
    session = outer.inner(options, asked) if isinstance(outer, Session) else Session(asked)
    with under(options.strategy), in_precision(options.mixed_precision) as precision:
        if options.seed is not None:
            set_seed(options.seed, deterministic=True)
        session.precision = precision
        arm(session)
        try:
            with kept_generators(backup=options.backup is not None):
                yield session
        finally:
            disarm(session)
