"""`fine_tune`: trains a model in stages, first its head, then more and more of its base."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkeras.callbacks.backup.store import Store
from nbkeras.models.base_and_head import base_and_head
from nbkeras.models.recompiling import Compiled
from nbkeras.runtime.keras_lines import is_model
from nbkeras.runtime.refusal import Refusal
from nbkeras.training.arming import armed_last
from nbkeras.training.calls import Call
from nbkeras.training.fine_tuning.before import Before
from nbkeras.training.fine_tuning.callbacks import checked_callbacks
from nbkeras.training.fine_tuning.course import Task, train
from nbkeras.training.fine_tuning.data import Data, checked_data
from nbkeras.training.fine_tuning.estimating import estimated
from nbkeras.training.fine_tuning.plan import FineTuningPlan, planned
from nbkeras.training.fine_tuning.stage import Stage, checked_stages, default_stages
from nbkeras.training.metric_names import refuse_unknown_metric
from nbkeras.training.options import fit_options, parse_early_stopping
from nbkeras.training.peers import refuse_beside_peers
from nbkeras.training.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import timedelta

    from nbkeras.models.base_and_head import Parts
    from nbkeras.training.fine_tuning.result import FineTuning
    from nbkeras.training.options import StrPath


def fine_tune(
    model: Any,
    x: Any,
    y: Any = None,
    *,
    validation_data: Any = None,
    validation_split: float = 0.0,
    batch_size: int | None = None,
    stages: Sequence[Stage] | None = None,
    base: str | None = None,
    augmentation: Any = None,
    cache: bool | None = None,
    name: str | None = None,
    seed: int | None = None,
    quiet: bool = False,
    backup: StrPath | None = None,
    every: str | int | timedelta | None = None,
    restart: bool = False,
    reuse: bool = False,
    show: Callable[[FineTuningPlan], Any] = print,
    **fit: Any,
) -> FineTuning:
    """Train a model in stages: its new head first, then more and more of its base, from the top.

    The model is compiled as for ``fit``. Each stage freezes what it does not train, makes a new optimizer of
    the same class and settings with the stage's learning rate, and compiles with all else as it was. The plan
    is shown first. All stages are one run: epochs are numbered through, the monitor marks where each
    begins, and ■ ends all of them with the weights as they are. Afterwards the model is as the last stage has
    left it; ``undo`` of the result brings back weights, flags, optimizer and compile.

    Example:
        >>> import numpy as np, keras, nbkeras
        >>> base = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)], name="base")
        >>> model = keras.Sequential([base, keras.layers.Dense(2, name="head")])
        >>> model.compile("adam", "mse")
        >>> stages = [nbkeras.Stage("head", epochs=1), nbkeras.Stage("all", epochs=2, learning_rate=1e-4)]
        >>> result = nbkeras.fine_tune(model, np.ones((8, 4)), np.ones((8, 2)), stages=stages, quiet=True)
        >>> len(result.history["loss"])
        3

    Args:
        model: built and compiled, of either Keras line.
        x: arrays, or a dataset that gives targets, too.
        y: targets, where ``x`` does not give them.
        validation_data: as for ``fit``.
        validation_split: as for ``fit``: the last part of arrays is kept apart. Default 0.
        batch_size: samples in a batch, for arrays. Default None: Keras's 32.
        stages: `nbkeras.Stage` each; by default 3 epochs of the head at the compiled rate, then 5 of all at a
            tenth of it, which falls to a hundredth at the lowest block.
        base: name of the nested model that is the base, or of its last layer; by default it is found.
        augmentation: a layer or a function that is applied to the inputs that are trained on, never to
            validation data. By default there is none.
        cache: whether the outputs of the base are computed once in stages that train the head alone, see
            `nbkeras.cache_features`: True refuses where it would not be exact, False computes them in every
            epoch. Default None: where it is exact, and a line says so, or why not.
        name: name of the run; by default the model's name.
        seed: as in `nbkeras.fitting`. By default nothing is seeded.
        quiet: record the run and show nothing. Default False.
        backup: directory for backups, from which an interrupted training goes on bit for bit in the midst of
            its stage; the second stage takes ``backup-2``. By default there are none.
        every: when to back up: ``"epoch"``, a number of steps, or a time. Default ``"30s"``.
        restart: delete the backups and begin anew. Default False.
        reuse: give what a finished training came to in place of the refusal. Default False.
        show: what shows the plan before the training; ``quiet`` shows nothing. Default ``print``.
        fit: further arguments of ``fit``, such as ``callbacks``, ``class_weight`` or ``sample_weight``.

    Returns:
        The histories, the run, the plan, and the way back.

    Raises:
        Refusal: for what cannot be meant, before anything of the model has changed.
    """
    weights, steps = fit.pop("sample_weight", None), fit.get("steps_per_epoch")
    data = Data(x, y, validation_data, validation_split, batch_size, augmentation, weights, steps)
    fit["callbacks"] = checked_callbacks(fit.get("callbacks"))
    parts, compiled, plan = prepared(model, data, stages, base, cache=cache)
    options = fit_options(
        name=name, seed=seed, quiet=quiet, backup=backup, every=every, restart=restart, reuse=reuse
    )
    own = next((each for each in ("epochs", "initial_epoch", "x", "shuffle") if each in fit), None)
    if own is not None:
        raise Refusal(
            f"fine_tune: expected no {own}, which the stages set, received {own}={fit[own]!r}: leave it out"
        )
    _refuse_unknown_metrics(model, data, plan, fit)
    before = Before(compiled)
    if options.backup is not None:
        outer = armed_last()
        before.in_folder(
            options.backup,
            anew=restart or not Store(Path(options.backup).expanduser()).backups(),
            writes=not isinstance(outer, Session) or outer.writes,
        )
    if not quiet:
        show(plan)
    return train(Task(model, data, parts, compiled, plan, options, fit, before))


def fine_tuning_plan(
    model: Any,
    x: Any = None,
    y: Any = None,
    *,
    validation_data: Any = None,
    validation_split: float = 0.0,
    batch_size: int | None = None,
    stages: Sequence[Stage] | None = None,
    base: str | None = None,
    augmentation: Any = None,
    cache: bool | None = None,
    estimate: bool = False,
) -> FineTuningPlan:
    """Return what `fine_tune` would train in each stage, and train nothing.

    Example:
        >>> import numpy as np, keras, nbkeras
        >>> base = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)], name="base")
        >>> model = keras.Sequential([base, keras.layers.Dense(2, name="head")])
        >>> model.compile("adam", "mse")
        >>> plan = nbkeras.fine_tuning_plan(model, np.ones((64, 4)), np.ones((64, 2)))
        >>> [(each.trains, each.parameters, each.updates) for each in plan.stages]
        [('head', 8, 6), ('head and all of base', 23, 10)]

    Args:
        model: as for `fine_tune`.
        x: likewise; without it the updates are not known.
        y: likewise.
        validation_data: likewise.
        validation_split: likewise.
        batch_size: likewise.
        stages: likewise.
        base: likewise.
        augmentation: likewise.
        cache: likewise.
        estimate: make a few steps of each stage, at most 2 s after tracing, for the time that it is going to
            take; model, data and random numbers are as before, bit for bit. Default False.

    Returns:
        An object with ``stages``, which a notebook shows as a table.

    Raises:
        Refusal: as `fine_tune` does.
    """
    if estimate:
        refuse_beside_peers("estimate", "measures", "make as many steps as its own clock allows")
    data = Data(x, y, validation_data, validation_split, batch_size, augmentation)
    # Without data there is a plan, too, but no time.
    needs_data = x is not None or estimate
    parts, compiled, plan = prepared(model, data, stages, base, cache=cache, needs_data=needs_data)
    return estimated(model, parts, compiled, plan, data) if estimate else plan


def prepared(
    model: Any,
    data: Data,
    stages: Sequence[Stage] | None,
    base: str | None,
    *,
    cache: bool | None = None,
    needs_data: bool = True,
) -> tuple[Parts, Compiled, FineTuningPlan]:
    """Return a model's base and head, how it is compiled, and what the stages come to in it.

    Args:
        model: built and compiled.
        data: to train on.
        stages: as they were asked for; None for the default's.
        base: its name, None to find it.
        cache: as for `fine_tune`.
        needs_data: whether it is refused without data. Default True.

    Raises:
        Refusal: for what `fine_tune` refuses.
    """
    if not is_model(model):
        raise Refusal(f"fine_tune: expected a Keras model, received {type(model).__name__}: give  model")
    if needs_data:
        checked_data(data)
    compiled = Compiled(model)
    asked = default_stages(compiled.first_rate) if stages is None else checked_stages(stages)
    parts = base_and_head(model, base)
    return parts, compiled, planned(model, parts, compiled, asked, data, cache=cache)


def _refuse_unknown_metrics(model: Any, data: Data, plan: FineTuningPlan, fit: dict[str, Any]) -> None:
    """Refuse what early stopping of any stage cannot watch, before the first one trains."""
    given = {"validation_data": data.validation_data, "validation_split": data.validation_split}
    call = Call.of("fit", type(model).fit, model, (), {"x": data.x, **given, **fit})
    for each in plan.stages:
        stopping = each.stage.early_stopping
        metric = None if stopping is None else parse_early_stopping(stopping).metric
        if metric is not None:
            refuse_unknown_metric(call, metric, "early_stopping")
