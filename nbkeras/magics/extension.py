"""What ``%load_ext nbkeras`` does."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from nbkeras.magics import switch
from nbkeras.magics.backup import BackupMagics
from nbkeras.magics.batch_size_find import BatchSizeFindMagics
from nbkeras.magics.cluster import ClusterMagics
from nbkeras.magics.completion import matcher
from nbkeras.magics.config import NBKeras, configured
from nbkeras.magics.custom_step import CustomStepMagics
from nbkeras.magics.devices import DevicesMagics
from nbkeras.magics.faq import FaqMagics, without_question_mark
from nbkeras.magics.features import FeaturesMagics
from nbkeras.magics.finetune import FinetuneMagics
from nbkeras.magics.fit import FitMagics
from nbkeras.magics.lr_find import LrFindMagics
from nbkeras.magics.mixed_precision import MixedPrecisionMagics
from nbkeras.magics.monitor import MonitorMagics
from nbkeras.magics.placement import PlacementMagics
from nbkeras.magics.pretrained import PretrainedMagics
from nbkeras.magics.probe import ProbeMagics
from nbkeras.magics.reproducible import ReproducibleMagics
from nbkeras.magics.runs import RunsMagics
from nbkeras.magics.seed import SeedMagics
from nbkeras.magics.stamp import StampMagics
from nbkeras.magics.strategy import StrategyMagics
from nbkeras.magics.switch import SwitchMagics
from nbkeras.magics.tpu import TpuMagics
from nbkeras.magics.tune import TuneMagics
from nbkeras.magics.wizard import WizardMagics
from nbkeras.widgets.cell_events import listen, listen_no_more

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


MAGICS = {
    "cell": ("fit", "cluster", "reproducible", "tune", "train_step", "test_step", "probe"),
    "line": (
        "backup",
        "batch_size_find",
        "cluster",
        "devices",
        "faq",
        "features",
        "finetune",
        "lr_find",
        "mixed_precision",
        "monitor",
        "nbkeras",
        "placement",
        "pretrained",
        "probe",
        "runs",
        "seed",
        "stamp",
        "strategy",
        "test_step",
        "tpu_connect",
        "train_step",
        "wizard",
    ),
}


def load(shell: InteractiveShell) -> None:
    """Register the magics with a shell; a second call changes nothing."""
    if any(isinstance(configurable, NBKeras) for configurable in shell.configurables):
        return
    config = configured(shell)
    configurables: list[Any] = shell.configurables
    configurables.append(config)
    for magics in (
        FitMagics,
        SwitchMagics,
        MonitorMagics,
        RunsMagics,
        SeedMagics,
        StampMagics,
        ReproducibleMagics,
        BackupMagics,
        FaqMagics,
        WizardMagics,
        TuneMagics,
        CustomStepMagics,
        DevicesMagics,
        TpuMagics,
        StrategyMagics,
        MixedPrecisionMagics,
        PlacementMagics,
        LrFindMagics,
        BatchSizeFindMagics,
        PretrainedMagics,
        FinetuneMagics,
        ClusterMagics,
        FeaturesMagics,
        ProbeMagics,
    ):
        shell.register_magics(magics(shell, config))
    if shell.Completer is not None:
        shell.Completer.custom_matchers.append(matcher)
    shell.input_transformers_cleanup.append(without_question_mark)
    shell.events.register("pre_run_cell", _begin_cell)
    listen(shell)


def unload(shell: InteractiveShell) -> None:
    """Take everything off again."""
    shell.configurables[:] = [c for c in shell.configurables if not isinstance(c, NBKeras)]
    if shell.Completer is not None and matcher in shell.Completer.custom_matchers:
        shell.Completer.custom_matchers.remove(matcher)
    if without_question_mark in shell.input_transformers_cleanup:
        shell.input_transformers_cleanup.remove(without_question_mark)
    with contextlib.suppress(ValueError):
        shell.events.unregister("pre_run_cell", _begin_cell)
    listen_no_more(shell)
    switch.switch_off()
    for kind, names in MAGICS.items():
        for name in names:
            shell.magics_manager.magics[kind].pop(name, None)


def _begin_cell(_info: Any) -> None:
    """Let the files of each cell be its own, under ``%nbkeras on`` too."""
    switch.begin_cell()
