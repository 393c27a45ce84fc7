"""Defaults for all magics: ``%config NBKeras.early_stopping = "3"``."""

from __future__ import annotations

from typing import Any

from traitlets import Bool, TraitError, Unicode, validate
from traitlets.config import Configurable

from nbkeras.runtime.refusal import Refusal
from nbkeras.training.options import fit_options


class NBKeras(Configurable):
    """Defaults of nbkeras's magics in this notebook; an option on a magic line goes before them."""

    early_stopping = Unicode(
        "", help="--early-stopping of %%fit, such as '3' or 'val_accuracy:5'; '' is none."
    ).tag(config=True)
    checkpoint = Unicode("", help="--checkpoint of %%fit, such as 'best.keras'; '' is none.").tag(config=True)
    tensorboard = Unicode("", help="--tensorboard of %%fit, a directory; '' is none.").tag(config=True)
    csv = Unicode("", help="--csv of %%fit, a file; '' is none.").tag(config=True)
    max_time = Unicode("", help="--max-time of %%fit, such as '10m'; '' is none.").tag(config=True)
    quiet = Bool(default_value=False, help="--quiet of %%fit: record the runs and show nothing.").tag(
        config=True
    )
    log = Unicode(
        ".nbkeras/runs.sqlite",
        help="File of the run log, from the notebook's directory; '' keeps runs in memory only.",
    ).tag(config=True)

    def fit_defaults(self) -> dict[str, Any]:
        """Return the defaults of ``%%fit`` that are set, by option."""
        names = ("early_stopping", "checkpoint", "tensorboard", "csv", "max_time", "quiet")
        return {name: getattr(self, name) for name in names if getattr(self, name)}

    @validate("early_stopping", "checkpoint", "tensorboard", "csv", "max_time")
    def _check(self, proposal: dict[str, Any]) -> str:
        value, trait = proposal["value"], proposal["trait"]
        if value:
            try:
                fit_options(**{trait.name: value})
            except Refusal as refusal:
                # %config shows a TraitError as one line.
                raise TraitError(str(refusal)) from None
        return str(value)

    @validate("log")
    def _set_log(self, proposal: dict[str, Any]) -> str:
        from nbkeras.runs import set_log

        value = str(proposal["value"])
        set_log(value or None)
        return value
