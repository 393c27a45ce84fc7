"""``%pretrained``: the pretrained models of Keras, their weights, and models built on them."""

from __future__ import annotations

import re
from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic import line_magic, magics_class
from IPython.display import display

from nbkeras.magics.base import NotebookMagics
from nbkeras.magics.grammar import Grammar, Option
from nbkeras.runtime.refusal import Refusal


def _classes(text: str) -> int:
    if not text.isdecimal():
        raise Refusal(f"--classes: expected a whole number, received {text!r}: type  --classes 2")
    return int(text)


def _size(text: str) -> tuple[int, int, int]:
    found = re.fullmatch(r"(\d+)(?:x(\d+))?", text)
    if found is None:
        raise Refusal(f"--size: expected pixels, as 160 or 160x200, received {text!r}: type  --size 160")
    return int(found[1]), int(found[2] or found[1]), 3


def _variable(text: str) -> str:
    if not text.isidentifier():
        raise Refusal(f"--build: expected a variable's name, received {text!r}: type  --build built")
    return text


PRETRAINED = Grammar(
    magic="%pretrained",
    summary="List the pretrained models of Keras, show one, bring its weights, or build a model on it.",
    details="""
        Size and accuracy are those that Keras has published; what is on this machine is looked up in Keras's
        own folder. --build makes a model with the right preprocessing in it: give it images with colours from
        0 to 255. With --classes its base is frozen, and a new head learns; without, it is the whole model for
        ImageNet's classes. The variable holds .model, .base and .decode(predictions). Presets of KerasHub are
        listed where it is installed. In Python: nbkeras.pretrained("MobileNetV2", classes=5)
        """,
    examples="""
        %pretrained
        %pretrained MobileNetV2
        %pretrained MobileNetV2 --classes 5 --size 160 --build built
        %pretrained MobileNetV2 --classes 5 --weights base.weights.h5 --code
        %pretrained ResNet50 --download
        """,
    options=(
        Option("MODEL", "Of keras.applications, or a preset of KerasHub.", complete="pretrained"),
        Option("--build", "Build it, and put what was built into this variable.", "VARIABLE", _variable),
        Option("--classes", "Leave its head out, for a new one with this many classes.", "N", _classes),
        Option("--weights", "imagenet (the default), none, or a file.", "SOURCE", complete="path"),
        Option(
            "--size", "Height and width of the images; by default those of its training.", "PIXELS", _size
        ),
        Option("--download", "Bring the weights that --build would use, and build nothing."),
        Option("--code", "Print the plain Keras code that builds it, and build nothing."),
    ),
)
_DOING = ("build", "download", "code")
_BUILDING = ("classes", "weights", "size")


@magics_class
class PretrainedMagics(NotebookMagics):
    """The magic ``%pretrained``."""

    @line_magic
    def pretrained(self, line: str) -> None:
        """Replaced by the grammar's help below."""
        values = PRETRAINED.parse(line)
        try:
            _check_together(values)
            self._answer(values)
        except Refusal as refusal:
            raise UsageError(f"%pretrained: {refusal}") from None

    def _answer(self, values: dict[str, Any]) -> None:
        from nbkeras.models.pretrained.plain_code import plain_code
        from nbkeras.models.pretrained.wishes import IMAGENET, wished
        from nbkeras.widgets.pretrained import asking

        name = values["model"]
        if name is None:
            display(asking.pretrained())
            return
        if not any(values[each] for each in _DOING):
            display(asking.shown(name), raw=True)
            return
        source = values["weights"] or IMAGENET
        options = {
            "classes": values["classes"],
            "weights": None if source == "none" else source,
            "input_shape": values["size"],
        }
        if values["code"]:
            print(plain_code(wished(name, **options)), end="")  # noqa: T201 - the code is the output
        elif values["download"]:
            print(asking.downloaded(wished(name, **options)), end="")  # noqa: T201 - the answer
        else:
            built = asking.pretrained(name, **options)
            self.shell.user_ns[values["build"]] = built
            print(f"{values['build']}: {built}")  # noqa: T201 - the answer


def _check_together(values: dict[str, Any]) -> None:
    given = [f"--{name}" for name in (*_DOING, *_BUILDING) if values[name]]
    does = [f"--{name}" for name in _DOING if values[name]]
    if given and not values["model"]:
        raise Refusal(f"expected a model for {given[0]}, received none: type  %pretrained MobileNetV2")
    if given and not does:
        raise Refusal(f"{given[0]} goes with --build, --download or --code: add  --build built")
    if len(does) > 1:
        raise Refusal(f"expected one of {', '.join(does)}, received all: leave one out")


PretrainedMagics.pretrained.__doc__ = PRETRAINED.help()
