"""`nbkeras.tune`: the Python behind ``%%tune``."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from nbkeras.training.peers import refuse_beside_peers
from nbkeras.training.tuning.best_function import best_function
from nbkeras.training.tuning.options import tune_options
from nbkeras.training.tuning.searching import Searcher

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from nbkeras.training.options import StrPath
    from nbkeras.training.tuning.record import Search
    from nbkeras.training.tuning.space import Choices, Range


def tune(
    train: Callable[..., Any],
    search: str | None = None,
    *,
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
) -> Search:
    """Search for the values with which a function trains the best model, with KerasTuner.

    The function builds, compiles and fits a model, with one ``fit``. It is called once up to its ``fit``,
    to learn what is searched, then once for each trial. The first interrupt (■) ends the search and keeps
    the best; the state is on disk, so that ``resume=True`` goes on after it, and after a kernel's death.
    Each trial is a run in the run log. It works with Keras 3 and with tf_keras.

    Example:
        >>> import numpy as np, keras, nbkeras
        >>> x = np.random.default_rng(0).random((64, 4)).astype("float32")
        >>> def train(lr, units):
        ...     model = keras.Sequential([keras.layers.Dense(units), keras.layers.Dense(1)])
        ...     model.compile(keras.optimizers.SGD(lr), "mse")
        ...     model.fit(x, x.sum(axis=1), validation_split=0.25)
        >>> found = nbkeras.tune(train, "lr=1e-3..1e-1:log units=4|8", trials=3, quiet=True)
        >>> found.status, len(found.trials), sorted(found.values)
        ('finished', 3, ['lr', 'units'])

    Args:
        train: what is tuned. It takes KerasTuner's ``hp`` and asks it for values, as in
            ``hp.Float("lr", 1e-4, 1e-1, sampling="log")``; with ``search`` it takes those values by name.
        search: the values to search: ``"lr=1e-4..1e-1:log units=16|32|64 depth=1..4"``. By default those
            that ``train`` asks for.
        tuner: ``"random"`` (the default), ``"hyperband"``, ``"bayesian"`` or ``"grid"``.
        trials: how many. By default 10; a grid and Hyperband know their own end.
        objective: the metric, such as ``"val_accuracy"`` or ``"val_f1:max"``. Default ``"val_loss"``.
        epochs: epochs of a ``fit`` that does not say its own; the most of a trial for Hyperband.
        directory: where searches are kept. Default ``".nbkeras/tuning"``.
        resume: go on with the search of this name. Default False.
        restart: delete the search of this name first. Default False.
        seed: 1 or more; the same seed tries the same values. By default new ones.
        name: name of the search, and of its folder. Default ``"search"``.
        max_time: stop the search after this time: seconds, a ``timedelta``, or ``"10m"``.
        quiet: record the search and show nothing. Default False.

    Returns:
        What came of it: the ``best`` trial, its ``values``, its ``model`` with the weights of its best
        epoch, all ``trials``, and KerasTuner's own ``hp`` and ``tuner``; ``tuner.best_code`` is the
        function as plain Keras code, with a call that trains with the best values.

    Raises:
        Refusal: for an argument that cannot be meant, a search that is left over in the directory, another
            search under the same name on ``resume``, or a metric that the ``fit`` does not report.
        Exception: what the last trial raised, when all trials failed.
    """
    refuse_beside_peers("tune", "searches", "try values of its own")
    options = tune_options(
        search=search,
        tuner=tuner,
        trials=trials,
        objective=objective,
        epochs=epochs,
        directory=directory,
        resume=resume,
        restart=restart,
        seed=seed,
        name=name,
        max_time=max_time,
        quiet=quiet,
    )
    found = Searcher(options, _FunctionTrainer(train, options.space)).go()
    if found.best is not None:
        found.tuner.best_code = best_function(train, options, found.hp.values)
    return found


class _FunctionTrainer:
    """A function as what is tuned."""

    def __init__(self, train: Callable[..., Any], space: tuple[Choices | Range, ...]) -> None:
        self._train = train
        self._space = space
        try:
            self.source = inspect.getsource(train)
        except (OSError, TypeError):
            # Made by exec, or no plain function: then nobody can tell whether it has changed.
            self.source = ""

    def run(self, hp: Any) -> None:
        """Call the function with a trial's values."""
        __tracebackhide__ = True
        if self._space:
            self._train(**{each.name: each.ask(hp) for each in self._space})
        else:
            self._train(hp)

    def keep(self) -> None:
        """Keep nothing: the search has the model."""

    def undo(self) -> None:
        """Undo nothing: a function's names are its own."""
