"""`nbkeras.train_step`, `nbkeras.test_step`, `nbkeras.try_step`: the Python behind the magics."""

# ruff: noqa: PT028 - test_step is what Keras calls it, and no test
from __future__ import annotations

import ast
import keyword
import linecache
import sys
import textwrap
from typing import TYPE_CHECKING, Any

from nbkeras.runtime.keras_lines import is_compiled, is_model, line_of
from nbkeras.runtime.refusal import Refusal
from nbkeras.training.code_edits import without_magics
from nbkeras.training.custom_step.batch import data_of, one_batch, specs_of
from nbkeras.training.custom_step.body import read_body, refuse_whole
from nbkeras.training.custom_step.making import class_with, give, is_made, own_class, put, steps_of
from nbkeras.training.custom_step.old_names import REASON, old_step
from nbkeras.training.custom_step.report import Finding, StepReport
from nbkeras.training.custom_step.trial import trial

if TYPE_CHECKING:
    from nbkeras.training.custom_step.body import Body, Kind

DEFAULT_NAME = "CustomStep"


def train_step(
    model: Any,
    body: str | None,
    *,
    name: str | None = None,
    data: Any = None,
    try_first: bool = True,
    fix: bool = False,
    namespace: dict[str, Any] | None = None,
) -> StepReport:
    """Give a model a ``train_step`` of which one writes only the body, tried on one batch first.

    In the body stand ``self``, ``data``, and ``x``, ``y`` and ``sample_weight`` taken from it. The model
    becomes an instance of a subclass: its weights, optimizer and compile settings stay, and ``fit`` uses the
    step. The trial changes nothing; what it found is in the report. None as the body takes the step off.

    Example:
        >>> import numpy as np, keras, nbkeras
        >>> model = keras.Sequential([keras.layers.Dense(1)])
        >>> model.compile(optimizer="sgd", loss="mse")
        >>> x, y = np.ones((8, 2)), np.ones((8, 1))
        >>> report = nbkeras.train_step(model, "return super().train_step(data)", data=(x, y))
        >>> report.wrong
        ()

    Args:
        model: a compiled model.
        body: the statements of the step, or None to give the model its own step back.
        name: name of the subclass. Default "CustomStep", or the one that it has already.
        data: ``x``, ``(x, y)``, ``(x, y, sample_weight)`` or a dataset to try the step on; by default the
            variables ``x`` and ``y``, ``x_train`` and ``y_train`` or ``train`` of the namespace.
        try_first: try the step on one batch first. Default True.
        fix: rewrite a body that uses ``compiled_loss`` or ``compiled_metrics``. Default False: on Keras 3
            it is refused, because the loss that it reports is wrong.
        namespace: the variables that the body sees; by default the caller's globals.

    Returns:
        What was done and found.

    Raises:
        Refusal: for a model that isn't compiled, a body that can't be one, or a step that returns no dict
            of numbers or whose gradients reach no weight. The model is then as it was.
    """
    space = sys._getframe(1).f_globals if namespace is None else namespace  # noqa: SLF001 - CPython's documented way
    return _door("train", model, body, name=name, data=data, try_first=try_first, fix=fix, space=space)


def test_step(
    model: Any,
    body: str | None,
    *,
    name: str | None = None,
    data: Any = None,
    try_first: bool = True,
    fix: bool = False,
    namespace: dict[str, Any] | None = None,
) -> StepReport:
    """Give a model a ``test_step``, as `train_step` does: evaluate and fit's validation use it.

    Example:
        >>> import numpy as np, keras, nbkeras
        >>> model = keras.Sequential([keras.layers.Dense(1)])
        >>> model.compile(optimizer="sgd", loss="mse")
        >>> x, y = np.ones((8, 2)), np.ones((8, 1))
        >>> report = nbkeras.test_step(model, "return super().test_step(data)", data=(x, y))
        >>> [finding.verdict for finding in report.findings if finding.check == "built_in"]
        ['ok']

    Args:
        model: a compiled model.
        body: the statements of the step, or None to give the model its own step back.
        name: name of the subclass. Default "CustomStep", or the one that it has already.
        data: what to try the step on; by default the usual names of the namespace.
        try_first: try the step on one batch first. Default True.
        fix: rewrite a body that uses ``compiled_loss`` or ``compiled_metrics``. Default False.
        namespace: the variables that the body sees; by default the caller's globals.

    Returns:
        What was done and found.

    Raises:
        Refusal: as `train_step`; the model is then as it was.
    """
    space = sys._getframe(1).f_globals if namespace is None else namespace  # noqa: SLF001 - as above
    return _door("test", model, body, name=name, data=data, try_first=try_first, fix=fix, space=space)


def try_step(model: Any, data: Any, *, kind: Kind = "train") -> StepReport:
    """Try the ``train_step`` or ``test_step`` that a model's class has, on one batch; nothing is changed.

    It is for a subclass that one wrote by hand: does the step return metrics, use sample weights, scale the
    loss under mixed precision, reach every trainable weight, include the layers' own losses?

    Example:
        >>> import numpy as np, keras, nbkeras
        >>> model = keras.Sequential([keras.layers.Dense(1)])
        >>> model.compile(optimizer="sgd", loss="mse")
        >>> report = nbkeras.try_step(model, (np.ones((8, 2)), np.ones((8, 1))))
        >>> report.wrong
        ()

    Args:
        model: a compiled model.
        data: ``x``, ``(x, y)``, ``(x, y, sample_weight)`` or a dataset.
        kind: "train" or "test". Default "train".

    Returns:
        What was found.

    Raises:
        Refusal: for a model that isn't compiled, or a step that returns no dict of numbers.
    """
    _refuse_unfit(model)
    if kind not in ("train", "test"):
        text = f"kind: expected train or test, received {kind!r}: give  'train'"
        raise Refusal(text)
    found = _tried(model, type(model), kind, data)
    return StepReport(type(model), f"{type(model).__name__}.{kind}_step, tried on one batch:", found)


def _door(
    kind: Kind,
    model: Any,
    text: str | None,
    *,
    name: str | None,
    data: Any,
    try_first: bool,
    fix: bool,
    space: dict[str, Any],
) -> StepReport:
    """Do what both doors do: a text that is no cell gets a file name of its own for tracebacks."""
    __tracebackhide__ = True
    _refuse_unfit(model)
    if text is None:
        return take_off(kind, model)
    text = textwrap.dedent(text).strip("\n") + "\n"
    text = checked(kind, text, model, fix=fix)
    body = read_body(kind, text, filename=shown(kind, text), namespace=space)
    return install(model, body, name=name, data=data, try_first=try_first)


def checked(kind: Kind, text: str, model: Any, *, fix: bool) -> str:
    """Return a body that reports the right loss: as it is, or rewritten where that was asked for.

    Raises:
        Refusal: for a whole method or class, or a body of Keras 2 on Keras 3; then `OldBodyRefusal` holds
            what it should be.
        SyntaxError: when the text is no Python.
    """
    line = line_of(model) or "keras"
    refuse_whole(kind, ast.parse(without_magics(text)))
    old = old_step(text, line)
    if old is None or (line != "keras" and not fix):
        return text
    if fix and old.rewritten is not None:
        return old.rewritten
    raise OldBodyRefusal(kind, old.names, old.rewritten)


class OldBodyRefusal(Refusal):
    """A body of Keras 2 that Keras 3 would run and report wrong.

    Args:
        kind: which step it is.
        names: what it uses.
        rewritten: the body for Keras 3, None where it can't be told from the text.
    """

    def __init__(self, kind: Kind, names: tuple[str, ...], rewritten: str | None) -> None:
        """Say it in one line."""
        self.rewritten = rewritten
        self.reason = REASON
        mend = "add  --fix  (fix=True)" if rewritten is not None else f"write {kind}_step with these by hand"
        super().__init__(
            f"expected self.compute_loss and self.compute_metrics, received {' and '.join(names)}, with "
            f"which Keras 3 logs a wrong loss: {mend}",
        )


def install(
    model: Any,
    body: Body,
    *,
    name: str | None = None,
    data: Any = None,
    source: str = "the data",
    try_first: bool = True,
    called: str = "The model",
) -> StepReport:
    """Give a model a step that was read, once it was tried.

    Args:
        model: a compiled model.
        body: the step.
        name: name of the subclass, by default `DEFAULT_NAME` or the one that it has.
        data: what to try it on, by default the usual names of the body's namespace.
        source: what the data are called.
        try_first: try it on one batch first.
        called: what the model is called.

    Returns:
        What was done and found.

    Raises:
        Refusal: for a model or a name that won't do, or a step that can't be trained with.
    """
    __tracebackhide__ = True
    _refuse_unfit(model)
    name = class_name(model, name)
    bodies = {**{k: b for k, b in steps_of(model).items() if k != body.kind}, body.kind: body}
    cls = class_with(model, bodies, name)
    head = f"{called} is now a {name} with this {body.method}"
    found: tuple[Finding, ...] = ()
    if try_first:
        source, data = data_of(body.namespace, model) if data is None else (source, data)
        found = _tried(model, cls, body.kind, data)
        head += f", tried on a batch of {source} (weights, optimizer and random numbers are as they were):"
    else:
        head += ", not tried."
    give(model, cls)
    return StepReport(cls, head, found)


def take_off(kind: Kind, model: Any, *, called: str = "The model") -> StepReport:
    """Give a model its own step back.

    Raises:
        Refusal: when it has none from here.
    """
    bodies = steps_of(model)
    if kind not in bodies:
        text = (
            f"expected a model that was given a {kind}_step, received one with its own: nothing is to be done"
        )
        raise Refusal(text)
    rest: dict[Kind, Body] = {k: b for k, b in bodies.items() if k != kind}
    cls = class_with(model, rest, type(model).__name__)
    give(model, cls)
    return StepReport(cls, f"{called} is a {cls.__name__} with its own {kind}_step again.")


def class_name(model: Any, name: str | None) -> str:
    """Return the name of a subclass, by default that of the one before.

    Raises:
        Refusal: when Python has no such names.
    """
    if name is None:
        return type(model).__name__ if is_made(type(model)) else DEFAULT_NAME
    if not name.isidentifier() or keyword.iskeyword(name) or name == own_class(model).__name__:
        text = f"name: expected the name of a new class, received {name!r}: give  WeightedStep, say"
        raise Refusal(text)
    return name


def _tried(model: Any, cls: type, kind: Kind, data: Any) -> tuple[Finding, ...]:
    __tracebackhide__ = True
    method = f"{kind}_step"
    step = next(vars(base)[method] for base in cls.__mro__ if method in vars(base))
    batch = one_batch(data, model)
    before = type(model)
    # A super() in the body needs the class that it will stand in.
    put(model, cls)
    try:
        return trial(model, step, kind, batch, specs_of(data, batch, model))
    except Refusal:
        raise
    except Exception as error:  # noqa: BLE001 - whatever the step raises is raised again
        raise _from_the_body(error, step.__code__.co_filename) from None
    finally:
        put(model, before)


def _from_the_body(error: Exception, filename: str) -> Exception:
    """Let a traceback begin in the step itself: the way to it is ours and TensorFlow's."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != filename:
        trace = trace.tb_next
    return error if trace is None else error.with_traceback(trace)


def _refuse_unfit(model: Any) -> None:
    if not is_model(model):
        text = f"expected a Keras model, received a {type(model).__name__}: give a model that is compiled"
        raise Refusal(text)
    if not is_compiled(model):
        text = "expected a compiled model, received one that is not: call its compile first"
        raise Refusal(text)


def shown(kind: Kind, text: str) -> str:
    """Return a file name under which a traceback finds these lines."""
    filename = f"<nbkeras {kind}_step {abs(hash(text)):x}>"
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    return filename
