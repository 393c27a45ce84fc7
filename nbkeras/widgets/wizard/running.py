"""Runs the code of a wizard as a cell: in the notebook's namespace, in the main thread, monitored."""

from __future__ import annotations

import sys
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from IPython import get_ipython

from nbkeras.runtime.refusal import Refusal
from nbkeras.training.fitting import fitting
from nbkeras.widgets.live import install
from nbkeras.widgets.wizard import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbkeras.widgets.wizard.wizard import Wizard


def run(wizard: str, edition: int | None, *, under_cell: bool = False) -> None:
    """Run what a wizard shows; its view asks for it in an ordinary execute request.

    So it runs in the main thread, where the first interrupt ends a training gracefully, and after the
    cells that were started before it.

    Args:
        wizard: the wizard's id.
        edition: the number of the code that was seen when Run was pressed. A request may wait for a cell
            that runs, whose end changes the form: another code is not run.
        under_cell: whether to send what the code prints and shows to the cell of the wizard, because
            the view has no way to put it there.

    Raises:
        Refusal: when this kernel does not have the wizard.
    """
    found = shown.find(wizard)
    if found is None:
        raise Refusal("expected a form of this kernel, received one of another: run its cell again")
    if found.entries.problems or found.panel.blocked or found.panel.edition != edition:
        found.panel.status = "changed"
        return
    with _parent(found.parent) if under_cell and found.parent else nullcontext():
        _run(found)


def run_soon(wizard: Wizard, edition: int | None) -> None:
    """Run a wizard for a view that can't send execute requests, when the kernel comes to it.

    Args:
        wizard: the wizard.
        edition: see `run`.
    """
    kernel = get_ipython().kernel

    def act() -> None:
        # Between its requests a kernel ignores interrupts.
        kernel.pre_handler_hook()
        try:
            run(wizard.id, edition, under_cell=True)
        finally:
            kernel.post_handler_hook()

    # Kernels may hear a view in a thread of its own, where no interrupt arrives.
    kernel.io_loop.add_callback(act)


def _run(wizard: Wizard) -> None:
    shell = get_ipython()
    code = wizard.entries.code
    install()
    wizard.panel.status = "running"
    succeeded = False
    try:
        # What begins with a cell magic says itself how it is monitored.
        with nullcontext() if code.startswith("%%") else fitting():
            succeeded = shell.run_cell(code, store_history=True).success
    finally:
        wizard.panel.status = "done" if succeeded else "failed"


@contextmanager
def _parent(parent: dict[str, Any]) -> Iterator[None]:
    """Let outputs belong to an earlier request, whose cell still takes them."""
    shell = get_ipython()
    before = shell.get_parent()
    shell.set_parent(parent)
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        shell.set_parent(before)
