"""What ``%load_ext nbkeras`` does."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any

from nbkeras.magics.completion import matcher
from nbkeras.magics.config import NBKeras
from nbkeras.magics.fit import FitMagics
from nbkeras.magics.monitor import MonitorMagics
from nbkeras.magics.runs import RunsMagics
from nbkeras.magics.switch import SwitchMagics
from nbkeras.runtime.frontend import in_kernel

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def load(shell: InteractiveShell) -> None:
    """Register the magics with a shell; a second call changes nothing."""
    if any(isinstance(configurable, NBKeras) for configurable in shell.configurables):
        return
    config = NBKeras(parent=shell)
    configurables: list[Any] = shell.configurables
    configurables.append(config)
    for magics in (FitMagics, SwitchMagics, MonitorMagics, RunsMagics):
        shell.register_magics(magics(shell, config))
    if shell.Completer is not None:
        shell.Completer.custom_matchers.append(matcher)
    shell.events.register("post_run_cell", _close_abandoned)
    if in_kernel():
        from nbkeras.widgets.control_channel import register

        register(shell)


def unload(shell: InteractiveShell) -> None:
    """Take everything off again but the magics' names, which IPython keeps."""
    shell.configurables[:] = [c for c in shell.configurables if not isinstance(c, NBKeras)]
    if shell.Completer is not None and matcher in shell.Completer.custom_matchers:
        shell.Completer.custom_matchers.remove(matcher)
    with contextlib.suppress(ValueError):
        shell.events.unregister("post_run_cell", _close_abandoned)
    from nbkeras.magics.switch import switch_off

    switch_off()


def _close_abandoned(result: Any) -> None:
    """Close runs that a plain ``fit`` or a loop left open when the cell failed."""
    recorder = sys.modules.get("nbkeras.callbacks.recorder")
    if recorder is not None:
        recorder.close_abandoned(result.error_before_exec or result.error_in_exec)
