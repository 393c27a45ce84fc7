"""Train Keras models in a notebook: live monitors, controls that work while a cell runs, a log of all runs.

Load it in a notebook with ``%load_ext nbkeras`` and put ``%%fit`` above a cell that trains. Everything
that the magics do is here as Python, too:

Example:
    >>> import nbkeras
    >>> with nbkeras.fitting(epochs=3, early_stopping=2):  # doctest: +SKIP
    ...     history = model.fit(x, y, validation_split=0.2)

The names below are imported when they are first used: loading nbkeras imports no TensorFlow.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from nbkeras import recipes, runs
    from nbkeras.callbacks.backup.exact import ExactBackupHooks as ExactBackup
    from nbkeras.callbacks.monitor import MonitorHooks as Monitor
    from nbkeras.devices.asking import devices
    from nbkeras.devices.placing.layer import OnDeviceMethods as OnDevice
    from nbkeras.devices.placing.placement import placement
    from nbkeras.devices.placing.wrapping import on_device
    from nbkeras.devices.tpu.connecting import tpu_connect
    from nbkeras.models.cached.features import cache_features
    from nbkeras.models.cosine import cosine_with_warmup
    from nbkeras.models.gradual_unfreezing import GradualUnfreezingHooks as GradualUnfreezing
    from nbkeras.models.layer_rates import layer_rates
    from nbkeras.models.one_cycle import one_cycle
    from nbkeras.models.probing.gradients import probe
    from nbkeras.models.probing.saliency import saliency
    from nbkeras.models.saved_model import saved_model_layer
    from nbkeras.reproducibility.seeding import seed
    from nbkeras.reproducibility.stamp import stamp
    from nbkeras.runtime.refusal import Refusal
    from nbkeras.training.batch_sizes.finding import batch_size_find
    from nbkeras.training.custom_step.steps import test_step, train_step, try_step
    from nbkeras.training.fine_tuning.before import undo_fine_tuning
    from nbkeras.training.fine_tuning.fine_tune import fine_tune, fine_tuning_plan
    from nbkeras.training.fine_tuning.stage import Stage
    from nbkeras.training.fitting import fitting
    from nbkeras.training.precision.asking import mixed_precision
    from nbkeras.training.rate_finder.finding import lr_find
    from nbkeras.training.tracking import track
    from nbkeras.training.tuning.tune import tune
    from nbkeras.widgets.features import features
    from nbkeras.widgets.pretrained.asking import pretrained
    from nbkeras.widgets.proving import reproducible
    from nbkeras.widgets.wizard.showing import wizard

    __version__: str

__all__ = [
    "ExactBackup",
    "GradualUnfreezing",
    "Monitor",
    "OnDevice",
    "Refusal",
    "Stage",
    "__version__",
    "batch_size_find",
    "cache_features",
    "cosine_with_warmup",
    "devices",
    "features",
    "fine_tune",
    "fine_tuning_plan",
    "fitting",
    "layer_rates",
    "load_ipython_extension",
    "lr_find",
    "mixed_precision",
    "on_device",
    "one_cycle",
    "placement",
    "pretrained",
    "probe",
    "recipes",
    "reproducible",
    "runs",
    "saliency",
    "saved_model_layer",
    "seed",
    "stamp",
    "test_step",
    "tpu_connect",
    "track",
    "train_step",
    "try_step",
    "tune",
    "undo_fine_tuning",
    "wizard",
]

# Where each public name lives. What shows runs live needs the views to be told of new runs.
_HOMES = {
    "Refusal": "nbkeras.runtime.refusal",
    "batch_size_find": "nbkeras.training.batch_sizes.finding",
    "cache_features": "nbkeras.models.cached.features",
    "cosine_with_warmup": "nbkeras.models.cosine",
    "features": "nbkeras.widgets.features",
    "Stage": "nbkeras.training.fine_tuning.stage",
    "fine_tune": "nbkeras.training.fine_tuning.fine_tune",
    "fine_tuning_plan": "nbkeras.training.fine_tuning.fine_tune",
    "fitting": "nbkeras.training.fitting",
    "layer_rates": "nbkeras.models.layer_rates",
    "lr_find": "nbkeras.training.rate_finder.finding",
    "mixed_precision": "nbkeras.training.precision.asking",
    "one_cycle": "nbkeras.models.one_cycle",
    "on_device": "nbkeras.devices.placing.wrapping",
    "placement": "nbkeras.devices.placing.placement",
    "pretrained": "nbkeras.widgets.pretrained.asking",
    "probe": "nbkeras.models.probing.gradients",
    "reproducible": "nbkeras.widgets.proving",
    "saliency": "nbkeras.models.probing.saliency",
    "saved_model_layer": "nbkeras.models.saved_model",
    "seed": "nbkeras.reproducibility.seeding",
    "stamp": "nbkeras.reproducibility.stamp",
    "test_step": "nbkeras.training.custom_step.steps",
    "tpu_connect": "nbkeras.devices.tpu.connecting",
    "track": "nbkeras.training.tracking",
    "train_step": "nbkeras.training.custom_step.steps",
    "try_step": "nbkeras.training.custom_step.steps",
    "tune": "nbkeras.training.tuning.tune",
    "undo_fine_tuning": "nbkeras.training.fine_tuning.before",
    "wizard": "nbkeras.widgets.wizard.showing",
}

# What shows the results of some of them.
_VIEWS = {
    "batch_size_find": "nbkeras.widgets.finders.sizes_picture",
    "fine_tuning_plan": "nbkeras.widgets.fine_tuning",
    "lr_find": "nbkeras.widgets.finders.rate_view",
    "tune": "nbkeras.widgets.tuning.live",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return importlib.import_module("importlib.metadata").version("nbkeras")
    # Modules: nbkeras.devices can be called, too.
    if name in {"devices", "recipes", "runs"}:
        return importlib.import_module(f"nbkeras.{name}")
    if name == "ExactBackup":
        return importlib.import_module("nbkeras.callbacks.backup.exact").exact_backup_class()
    if name == "GradualUnfreezing":
        return importlib.import_module("nbkeras.models.gradual_unfreezing").gradual_unfreezing_class()
    if name == "OnDevice":
        return importlib.import_module("nbkeras.devices.placing.layer").on_device_class()
    if name == "Monitor":
        value = importlib.import_module("nbkeras.callbacks.monitor").monitor_class()
    elif name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
    else:
        text = f"module 'nbkeras' has no attribute {name!r}"
        raise AttributeError(text)
    if name not in {"Refusal", "Stage"}:
        importlib.import_module("nbkeras.widgets.live").install()
    if name in _VIEWS:
        importlib.import_module(_VIEWS[name]).install()
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Register nbkeras's magics; ``%load_ext nbkeras`` calls it.

    It defines ``%%fit``, ``%nbkeras``, ``%monitor`` and ``%runs``, ``%faq`` and ``%wizard``,
    ``%%train_step``, ``%%test_step`` and ``%%tune``, ``%%reproducible`` and ``%stamp``, ``%strategy``,
    ``%mixed_precision``, ``%placement``, ``%cluster``, ``%finetune``, ``%pretrained`` and ``%features``
    among others, their completions and the defaults of ``%config NBKeras``, and imports neither TensorFlow
    nor Keras.

    Example:
        >>> %load_ext nbkeras  # doctest: +SKIP

    Args:
        shell: the running IPython.
    """
    importlib.import_module("nbkeras.magics.extension").load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Take the magics and the completions off again; ``%unload_ext nbkeras`` calls it.

    Keras is as it was before; the run log stays.

    Example:
        >>> %unload_ext nbkeras  # doctest: +SKIP

    Args:
        shell: the running IPython.
    """
    importlib.import_module("nbkeras.magics.extension").unload(shell)
