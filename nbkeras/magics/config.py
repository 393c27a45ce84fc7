"""Defaults for all magics: ``%config NBKeras.early_stopping = "3"``."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from traitlets import Bool, TraitError, Unicode, validate
from traitlets.config import Config, Configurable

from nbkeras.magics.fit_grammar import FIT
from nbkeras.runtime.frontend import notebook_folder
from nbkeras.runtime.refusal import Refusal
from nbkeras.training.options import fit_options
from nbkeras.training.paths import output_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from IPython.core.interactiveshell import InteractiveShell


class Given(Unicode):  # type: ignore[type-arg]  # what is read is text
    """A text, or None for none."""

    def validate(self, obj: Any, value: Any) -> Any:
        """Take None for the empty text."""
        return super().validate(obj, "" if value is None else value)


class GivenNumber(Given):
    """The same, which people write as a number, too."""

    def validate(self, obj: Any, value: Any) -> Any:
        """Take a number for its digits."""
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return super().validate(obj, str(value) if is_number else value)


class NBKeras(Configurable):
    """Defaults of nbkeras's magics in this notebook; an option on a magic line goes before them."""

    early_stopping = GivenNumber(
        "", help="--early-stopping of %%fit, such as '3' or 'val_accuracy:5'; '' is none."
    ).tag(config=True)
    checkpoint = Given("", help="--checkpoint of %%fit, such as 'best.keras'; '' is none.").tag(config=True)
    tensorboard = Given("", help="--tensorboard of %%fit, a directory; '' is none.").tag(config=True)
    csv = Given("", help="--csv of %%fit, a file; '' is none.").tag(config=True)
    max_time = GivenNumber("", help="--max-time of %%fit, such as '10m'; '' is none.").tag(config=True)
    quiet = Bool(default_value=False, help="--quiet of %%fit: record the runs and show nothing.").tag(
        config=True
    )
    log = Given(
        ".nbkeras/runs.sqlite",
        help="File of the run log, from the notebook's directory; '' keeps runs in memory only.",
    ).tag(config=True)

    def fit_defaults(self) -> dict[str, Any]:
        """Return the defaults of ``%%fit`` that are set, by option."""
        values = {option.dest: getattr(self, option.config) for option in FIT.options if option.config}
        return {name: value for name, value in values.items() if value}

    @validate("early_stopping", "checkpoint", "tensorboard", "csv", "max_time")
    def _check(self, proposal: dict[str, Any]) -> str:
        option: dict[str, Any] = {proposal["trait"].name: proposal["value"]}
        if proposal["value"]:
            with _one_line():
                fit_options(**option)
        return str(proposal["value"])

    @validate("log")
    def _set_log(self, proposal: dict[str, Any]) -> str:
        from nbkeras.runs import set_log

        value = str(proposal["value"])
        place = None
        if value:
            with _one_line():
                # The log makes the folders that are missing.
                place = notebook_folder() / output_file(value, option="log", makes_folders=True)
        set_log(place)
        return value


def configured(shell: InteractiveShell) -> NBKeras:
    """Make the defaults of a shell; what its configuration holds and nobody can mean is said, and not used.

    IPython keeps there what %config was given, whether that was refused or not, and what was right may no
    longer be: the folder of a file is gone.
    """
    config = NBKeras(parent=shell, config=Config())
    for name, value in shell.config.get("NBKeras", {}).items():
        _take(config, name, value)
    return config


def _take(config: NBKeras, name: str, value: Any) -> None:
    try:
        config.update_config(Config({"NBKeras": {name: value}}))
    except TraitError as error:
        print(f"nbkeras: NBKeras.{name} is not used: {error}")  # noqa: T201 - said to the user


@contextmanager
def _one_line() -> Iterator[None]:
    """Refuse as a TraitError, which %config shows as one line."""
    try:
        yield
    except Refusal as refusal:
        raise TraitError(str(refusal)) from None
