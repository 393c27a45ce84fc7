"""``%nbkeras on|off|status``: monitor the whole notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from IPython.core.error import UsageError
from IPython.core.magic import line_magic, magics_class

from nbkeras.magics.base import NotebookMagics
from nbkeras.magics.grammar import Grammar, Option

if TYPE_CHECKING:
    from nbkeras.magics.config import NBKeras
    from nbkeras.training.session import Session

SWITCH = Grammar(
    magic="%nbkeras",
    summary="Monitor every fit, evaluate and predict of the notebook, or stop doing so.",
    details="""
        "on" does for all cells what %%fit does for one, with the defaults of %config NBKeras. "off" takes it
        back: from then on Keras is as it was. "status" says which it is, and where the run log is.
        """,
    examples="""
        %nbkeras on
        %nbkeras status
        %nbkeras off
        """,
    options=(Option("ACTION", "on, off or status (the default).", complete=("on", "off", "status")),),
)

_session: Session | None = None


@magics_class
class SwitchMagics(NotebookMagics):
    """The magic ``%nbkeras``."""

    @line_magic
    def nbkeras(self, line: str) -> None:
        """Replaced by the grammar's help below."""
        action = SWITCH.parse(line)["action"] or "status"
        if action not in ("on", "off", "status"):
            text = f"%nbkeras: expected on, off or status, received {action!r}: type  %nbkeras status"
            raise UsageError(text)
        if action == "on":
            switch_on(self.defaults)
        elif action == "off":
            switch_off()
        print(status_line())  # noqa: T201 - the answer


def switch_on(config: NBKeras) -> None:
    """Monitor the whole notebook, with the defaults that a configuration has at each training."""
    global _session  # noqa: PLW0603 - one notebook, one switch
    from nbkeras.training.arming import arm
    from nbkeras.training.options import fit_options
    from nbkeras.training.session import Session
    from nbkeras.widgets.live import install

    switch_off()
    install()
    _session = Session(lambda: fit_options(**config.fit_defaults()))
    arm(_session)


def switch_off() -> None:
    """Monitor nothing but cells with ``%%fit``."""
    global _session  # noqa: PLW0603 - one notebook, one switch
    if _session is not None:
        from nbkeras.training.arming import disarm

        disarm(_session)
        _session = None


def begin_cell() -> None:
    """Note that a cell begins: its first interrupt is a graceful one, and its files are anew its own."""
    if _session is not None:
        _session.begin_cell()


def status_line() -> str:
    """Say in one line whether the notebook is monitored and where the log is."""
    from nbkeras.runs import log_path

    state = "off: cells with %%fit are monitored" if _session is None else "on: every training is monitored"
    path = log_path()
    return f"nbkeras is {state}; run log: {'off' if path is None else path}"


SwitchMagics.nbkeras.__doc__ = SWITCH.help()
