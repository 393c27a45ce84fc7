"""The processors of this machine, TPUs that are elsewhere, and how a training is spread over them.

Called, it returns the devices of this machine: ``nbkeras.devices()``. That function of the public API has the
name of this folder, and Python puts a folder's module where a function of its name was: so the module itself
can be called.

Example:
    >>> import nbkeras
    >>> nbkeras.devices().gpus  # doctest: +SKIP
    ()
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbkeras.devices.facts import Devices


class _CallableModule(ModuleType):
    """This module, which may be called (Python's reference, "Customizing module attribute access")."""

    def __call__(self) -> Devices:
        """Return what `nbkeras.devices.asking.devices` does."""
        from nbkeras.devices.asking import devices

        return devices()


sys.modules[__name__].__class__ = _CallableModule
