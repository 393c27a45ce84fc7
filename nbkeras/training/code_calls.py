"""Writes the options into one call of ``fit``, ``evaluate`` or ``predict`` in the text of a cell."""

from __future__ import annotations

import ast
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbkeras.runs.metrics import group
from nbkeras.runs.naming import new_id
from nbkeras.training.added import added_callbacks, watched_metric
from nbkeras.training.calls import DEFAULT_BATCH_SIZE, Call
from nbkeras.training.code_edits import Edit
from nbkeras.training.code_names import UNKNOWN
from nbkeras.training.code_noise import Noise, noise_of
from nbkeras.training.code_order import Order, order_of
from nbkeras.training.code_padding import AFTER, BEFORE, COUNTED_ONCE, in_their_own_order
from nbkeras.training.resuming import backup_code

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbkeras.runs.vocabulary import Direction
    from nbkeras.training.code_edits import Source
    from nbkeras.training.code_names import Names
    from nbkeras.training.options import FitOptions

# The parameters of Keras's methods up to the last that matters here, after self.
PARAMETERS = {
    "fit": (
        *("x", "y", "batch_size", "epochs", "verbose"),
        *("callbacks", "validation_split", "validation_data", "shuffle"),
    ),
    "evaluate": ("x", "y", "batch_size"),
    "predict": ("x", "batch_size"),
}
_WRITE_FILES = {"checkpoint", "csv", "tensorboard"}
_SIMPLE = (ast.Name, ast.Attribute, ast.Call, ast.Subscript, ast.List, ast.Tuple, ast.Constant)


@dataclass(frozen=True, slots=True)
class _Argument:
    """An argument of the call: what is known of it, and where it stands."""

    value: Any
    node: ast.expr | None = None
    spread: ast.Name | None = None  # the name that holds it: opts of **opts


@dataclass(frozen=True, slots=True)
class CallPlace:
    """Where a call stands in its cell.

    Attributes:
        number: which fit of the cell it is, from 1.
        comes_again: whether it stands in a loop or a function.
        directions: what its model's metrics say of themselves, None where only running can tell.
        counts_orders: whether some fit of the cell comes again, so that the seeds of orders are counted.
    """

    number: int
    comes_again: bool
    directions: Mapping[str, Direction] | None
    counts_orders: bool = False


class CallWriter:
    """The edits of one call, and what could not be written."""

    def __init__(
        self, call: ast.Call, options: FitOptions, names: Names, source: Source, place: CallPlace
    ) -> None:
        """Find the edits."""
        assert isinstance(call.func, ast.Attribute)  # noqa: S101 - only such calls are chosen
        self.kind = call.func.attr
        self.edits: list[Edit] = []
        self.comments: list[str] = []
        self._call = call
        self._names = names
        self._source = source
        self._arguments: dict[str, _Argument] = {}
        self._open: list[ast.expr] = []
        self._new: list[str] = []
        self._in_spreads: dict[ast.Name, list[str]] = {}
        self._padded = False
        self._read()
        if options.epochs is not None and self.kind == "fit":
            self._set("epochs", options.epochs)
        if options.batch_size is not None and self._is_none("batch_size"):
            self._set_batch_size(options.batch_size)
        if self.kind == "fit" and options.pad:
            # Its callback belongs to the data: without them it would count too little.
            self._set_order(options, place)
        if self.kind == "fit":
            self._add_callbacks(self._callbacks(options, place))
        if self.kind == "fit" and options.seed is not None and not options.pad:
            self._set_order(options, place)
        self._close()

    def _read(self) -> None:
        """Read the arguments that the call gives, with those of ``*data`` and ``**opts`` that are known."""
        given: list[_Argument] = []
        for node in self._call.args:
            if not isinstance(node, ast.Starred):
                given.append(_Argument(self._names.value(node), node))
                continue
            values = self._names.value(node.value)
            if not isinstance(values, (list, tuple)):
                # Taken for the data, as in fit(*data, epochs=3).
                given.append(_Argument(UNKNOWN))
                break
            given += [_Argument(value) for value in values]
        self._arguments = dict(zip(PARAMETERS[self.kind], given, strict=False))
        for keyword in self._call.keywords:
            value = self._names.value(keyword.value)
            if keyword.arg is not None:
                self._arguments[keyword.arg] = _Argument(value, keyword.value)
            elif isinstance(value, dict):
                name = keyword.value if isinstance(keyword.value, ast.Name) else None
                self._arguments |= {key: _Argument(each, spread=name) for key, each in value.items()}
            else:
                self._open.append(keyword.value)

    def _is_none(self, name: str) -> bool:
        return name not in self._arguments or self._arguments[name].value is None

    def _has_validation(self) -> bool:
        split = self._arguments.get("validation_split", _Argument(None)).value
        return not self._is_none("validation_data") or split is UNKNOWN or bool(split)

    def _set(self, name: str, value: object) -> None:
        """Write an argument where the call does not say it, or says None."""
        if not self._is_none(name):
            return
        argument = self._arguments.get(name)
        if argument is None and self._open:
            self.comments.append(f"{self._opened()} may hold {name} already: {name}={value} is not written")
        elif argument is None:
            self._new.append(f"{name}={value}")
        elif argument.node is not None:
            start, end = self._source.start(argument.node), self._source.end(argument.node)
            self.edits.append(Edit(start, end, str(value)))
        elif argument.spread is not None:
            self._in_spreads.setdefault(argument.spread, []).append(f'"{name}": {value}')
        else:
            self.comments.append(f"the call says {name}=None: {name}={value} is not written")

    def _set_batch_size(self, size: int) -> None:
        x = self._arguments.get("x", _Argument(UNKNOWN))
        said = "the data" if x.node is None else ast.unparse(x.node)
        if x.value is not UNKNOWN and _come_in_batches(x.value):
            self.comments.append(f"{said} comes in batches: batch_size={size} is not written")
        elif x.value is UNKNOWN and self._is_none("y"):
            # With labels of their own, data are arrays; alone, they may be a dataset.
            self.comments.append(f"{said} may come in batches: batch_size={size} is for arrays alone")
        else:
            self._set("batch_size", size)

    def _set_order(self, options: FitOptions, place: CallPlace) -> None:
        """Give arrays an order of their own each epoch, and datasets random numbers; pad what is uneven."""
        x = self._arguments.get("x", _Argument(UNKNOWN))
        said = "the data" if x.node is None else ast.unparse(x.node)
        noise = self._noise(x, options)
        if options.pad and noise is not None:
            self._pad_dataset(x, noise if options.seed is not None else Noise())
            return
        if noise is not None or (x.value is not UNKNOWN and _come_in_batches(x.value)):
            if options.pad:
                self.comments.append(f"--pad is not written for {said}, which is no tf.data.Dataset")
            elif noise is not None and options.seed is not None:
                self._write(noise)
            return
        if x.value is UNKNOWN and self._is_none("y"):
            what = "a dataset or arrays: --pad" if options.pad else "arrays: the order of each epoch"
            self.comments.append(f"{said} may be {what} is not written")
            return
        counts = place.counts_orders and options.seed is not None
        seed = "next(orders)" if counts else str((options.seed or 0) + place.number - 1)
        given = {name: argument.node for name, argument in self._arguments.items()}
        values = {name: argument.value for name, argument in self._arguments.items()}
        if self._open:
            given["x"] = None
        if values.get("shuffle", True) in (False, None):
            if options.pad:
                self._pad_as_they_are(given, values, options.batch_size or DEFAULT_BATCH_SIZE)
            return
        around = (BEFORE, AFTER) if options.pad else ("", "")
        size = options.batch_size or DEFAULT_BATCH_SIZE
        order = order_of(given, values, self._source, seed=seed, size=size, around=around)
        self._write(order)
        self._padded = options.pad and bool(order.edits)

    def _pad_as_they_are(self, given: dict[str, ast.expr | None], values: dict[str, Any], size: int) -> None:
        """Make a padded dataset of arrays that are not shuffled."""
        order = in_their_own_order(given, values, self._source, size=size)
        self._write(order)
        self._padded = bool(order.edits)

    def _noise(self, x: _Argument, options: FitOptions) -> Noise | None:
        """Return what lets random numbers of a dataset go on, None where the data are not known to be one."""
        values = {name: argument.value for name, argument in self._arguments.items()}
        if self._open:
            values = {"epochs": UNKNOWN, "steps_per_epoch": UNKNOWN, **values}
        if values.get("epochs") is None:
            values["epochs"] = options.epochs
        assert isinstance(self._call.func, ast.Attribute)  # noqa: S101 - only such calls are chosen
        return noise_of(x.node, x.value, values, self._names, self._source, self._call.func.value)

    def _write(self, noise: Noise | Order) -> None:
        self.edits += noise.edits
        self._new += noise.new
        if noise.comment is not None:
            self.comments.append(noise.comment)

    def _pad_dataset(self, x: _Argument, noise: Noise) -> None:
        """Put a padded dataset in the place of one, whose random numbers can't go on with it."""
        if x.node is None:
            self.comments.append(
                "--pad is not written for data that stand elsewhere: write them into the call"
            )
            return
        start, end = self._source.start(x.node), self._source.end(x.node)
        self.edits += [Edit(start, start, BEFORE), Edit(end, end, AFTER)]
        self._padded = True
        if noise.edits or noise.comment is not None:
            self.comments.append(
                f"if functions of {ast.unparse(x.node)} draw random numbers, each epoch gets the same ones"
            )

    def _add_callbacks(self, new: list[str]) -> None:
        """Join callbacks to those that the call has."""
        own = self._arguments.get("callbacks")
        if not new:
            return
        if own is None and self._open:
            self.comments.append(f"{self._opened()} may hold callbacks already: add {', '.join(new)}")
        elif own is None:
            indent = self._source.indent(self._call)
            inner = "".join(f"\n{indent}        {code}," for code in new)
            self._new.append(f"callbacks=[{inner}\n{indent}    ]")
        elif hasattr(own.value, "callbacks") or (own.node is None and own.spread is None):
            self.comments.append(f"the call has callbacks that take no others: add {', '.join(new)}")
        elif own.node is not None:
            self._join(own.node, new)
        elif own.spread is not None:
            text = _unpacked(f'{own.spread.id}["callbacks"]', own.value)
            joined = ", ".join([*text, *new])
            self._in_spreads.setdefault(own.spread, []).append(f'"callbacks": [{joined}]')

    def _callbacks(self, options: FitOptions, place: CallPlace) -> list[str]:
        has_validation = self._has_validation()
        added = added_callbacks(
            options,
            run=new_id(time.time()),
            number=place.number,
            has_validation=has_validation,
            directions=place.directions,
        )
        watched = watched_metric(options, has_validation=has_validation)
        modes = {callback.arguments["mode"] for callback in added if "mode" in callback.arguments}
        if modes and place.directions is None and group(watched) != "loss":
            self.comments.append(
                f'mode="{modes.pop()}" is what the name {watched} says: a metric may say otherwise of itself'
            )
        if place.comes_again and any(callback.option in _WRITE_FILES for callback in added):
            self.comments.append(
                "a fit that runs more than once writes the same files again: name them anew for each"
            )
        codes = [*([COUNTED_ONCE] if self._padded else []), *(callback.code for callback in added)]
        if options.backup is not None:
            codes.insert(0, backup_code(options, place.number))
            if options.seed is None and not self._padded:
                self.comments.append(
                    "arrays are shuffled by Keras here: with --backup they have an order that can be repeated"
                )
        return codes if options.max_time is None else [*codes, f"TimeLimit({options.max_time:g})"]

    def _join(self, own: ast.expr, new: list[str]) -> None:
        start, end = self._source.start(own), self._source.end(own)
        value = self._names.value(own)
        joined = ", ".join(new)
        if isinstance(own, ast.List):
            comma = own.elts and not self._source.has_comma(own.elts, end - 1)
            self.edits.append(Edit(end - 1, end - 1, f", {joined}" if comma else joined))
            return
        if isinstance(own, ast.Call) and isinstance(self._names.value(own.func), type):
            value = own  # a callback that is made in the call: one
        before, after = "", ""
        if value is not None:
            before, after = ("", "") if isinstance(own, _SIMPLE) else ("(", ")")
            star, _, alternative = _unpacked("\0", value)[0].partition("\0")
            self.edits.append(Edit(start, start, f"[{star}{before}"))
            self.edits.append(Edit(end, end, f"{after}{alternative}, {joined}]"))
        else:
            self.edits.append(Edit(start, end, f"[{joined}]"))

    def _close(self) -> None:
        """Put the new arguments before the call's closing parenthesis."""
        for name, items in self._in_spreads.items():
            start, end = self._source.start(name), self._source.end(name)
            self.edits.append(Edit(start, end, f"{{**{name.id}, {', '.join(items)}}}"))
        if not self._new:
            return
        bracket = self._source.end(self._call) - 1
        given = [*self._call.args, *(keyword.value for keyword in self._call.keywords)]
        comma = "," if given and not self._source.has_comma(given, bracket) else ""
        indent = self._source.indent(self._call)
        text = comma + "".join(f"\n{indent}    {argument}," for argument in self._new) + f"\n{indent}"
        self.edits.append(Edit(bracket, bracket, text))

    def _opened(self) -> str:
        return " and ".join(ast.unparse(node) for node in self._open)


def _unpacked(text: str, value: Any) -> list[str]:
    """Return callbacks of the user's as members of a list."""
    if value is None:
        return []
    if value is UNKNOWN:
        # A list, one callback or None: Keras flattens the lists that it finds in a list.
        return [f"{text} or []"]
    return [f"*{text}"] if isinstance(value, (list, tuple)) else [text]


def _come_in_batches(x: Any) -> bool:
    return Call.of("fit", _takes_data, None, (x,), {}).has_batches


def _takes_data(model: Any, x: Any) -> None:
    """Stand for a method of Keras in a call that is not made."""
