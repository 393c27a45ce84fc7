"""What may be entered at a parameter's field: texts that are wrong there, and texts that are merely odd."""

from __future__ import annotations

import math

from nbkeras.recipes.parameter import Choice, Identifier, Number, Switch, Text, Whole
from nbkeras.recipes.picks import Pick
from nbkeras.recipes.places import File, Folder
from nbkeras.recipes.stages import Stages

ODD = (
    *("", " ", "0", "-1", "7", "1.5", "1e-3", "1e999", "nan", "None", "9" * 5000, "x" * 5000, "\u0663"),
    *("'", '"', "\\", "'''", '"""', "x'y", 'a"b', "{{", "{% if %}", "{x}", "$x", "%time", "#", "<b>", "&"),
    *("\n", "a\nb", "\t", "\x00", "\ud800", "é", "import os", "lambda", "print"),
    *(
        "../",
        ".",
        "/",
        "~",
        "~no_such_user/x",
        "a b.keras",
        "no/such/folder/x",
        "/proc/self/mem",
    ),
)
"""Texts that any field may be given: each of them has to end in a message or in code."""
_LONG_NAME = "x" * 5000
_NO_STAGES = (
    *("", " ", "head", "head:0", "head:1.5", ":3", "all:1,", "a:1, head", "no such block:1"),
    *("head:3:fast", "head:3:0", "head:3:-1", "head:3:nan", "all:1:1:0", "all:1:1:2", "all:1:1:1:-1"),
    *("all:1:1:1:1:1", "\x00:1", "a\nb:1", ", ".join(["all:1"] * 21)),
)
_NO_PATHS = ("\x00", "a\nb", "~no_such_user/x", _LONG_NAME)


def texts(parameter):
    """Return the texts that are wrong at a field that is typed into, whatever stands elsewhere."""
    empty = () if getattr(parameter, "optional", False) else ("", " ")
    if isinstance(parameter, Whole):
        beyond = (str(parameter.minimum - 1), str(parameter.maximum + 1))
        return (*empty, *beyond, "soon", "1.5", "1e3", "0x10", "nan", "--1", "1\n2", "9" * 5000)
    if isinstance(parameter, Number):
        return ("", " ", *_beyond(parameter), "soon", "nan", "inf", "1e999", "1,5", "1\n2")
    if isinstance(parameter, Identifier):
        return ("", " ", "1x", "a b", "a-b", "a.b", "class", "print", "\x00", "a\nb")
    if isinstance(parameter, File):
        suffix = parameter.suffixes[0] if parameter.suffixes else ""
        endless = (f"{_LONG_NAME}{suffix}", f"no/such/folder/x{suffix}", ".")
        return (*empty, *_NO_PATHS, *endless, *(("x.other",) if suffix else ()))
    if isinstance(parameter, Folder):
        return (*empty, *_NO_PATHS, __file__)
    assert isinstance(parameter, (Stages, Text))
    return _NO_STAGES if isinstance(parameter, Stages) else (*empty, "\x00", "a\nb")


def values(parameter):
    """Return the values that are wrong for a parameter of any kind, as `Recipe.code` may be given them."""
    if isinstance(parameter, Switch):
        return (None, "", "yes", 1, 0, ())
    if isinstance(parameter, Choice):
        return (None, "", "no such option", True, 1.0, ())
    if isinstance(parameter, Pick):
        none = ((), ("",), ("no such",)) if parameter.many else ((), ("",))
        return (None, 1, "no such", "a\nb", *none)
    wrong = [None] if not getattr(parameter, "optional", False) or not isinstance(parameter, Whole) else []
    return (*wrong, True, (), object, *(parameter.read(text) for text in texts(parameter)))


def _beyond(number):
    """Return the nearest numbers outside the bounds: the bounds themselves where they are excluded."""
    low, high = number.minimum, number.maximum
    if not number.exclusive:
        low, high = math.nextafter(low, -math.inf), math.nextafter(high, math.inf)
    return [repr(each) for each in (low, high) if math.isfinite(each)]
