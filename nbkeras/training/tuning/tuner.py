"""KerasTuner's tuner whose trials are run by us."""

from __future__ import annotations

import functools
import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


@functools.lru_cache(maxsize=1)
def tuner_class() -> type[Any]:
    """Return a tuner of KerasTuner's that leaves building and fitting models to others.

    KerasTuner's own way through a trial takes models of Keras 3 alone while Keras 3 is installed. Its base
    class never looks at a model: so tf_keras works, too (measured on 1.4.8).
    """
    base: Any = importlib.import_module("keras_tuner.engine.base_tuner").BaseTuner

    class SearchTuner(base):  # type: ignore[misc]
        """KerasTuner's state on disk and its choice of values; nbkeras runs the trials."""

        best_code = ""
        """The cell or the function with the best values, as plain Keras code."""

        def __init__(self, load: Callable[[Any], Any], **kwargs: Any) -> None:
            self._load = load
            super().__init__(**kwargs)

        def load_model(self, trial: Any) -> Any:
            """Build a trial's model, with the weights of its best epoch."""
            return self._load(trial)

    return SearchTuner
