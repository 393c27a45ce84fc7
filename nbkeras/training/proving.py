"""Runs code several times, each run written down for a proof."""

from __future__ import annotations

import functools
import inspect
import textwrap
from typing import TYPE_CHECKING, Any

from nbkeras.reproducibility.proof.comparing import LAST, RETURNED
from nbkeras.reproducibility.proof.keeping import Kept
from nbkeras.reproducibility.proof.names import reached
from nbkeras.reproducibility.proof.source import Source
from nbkeras.reproducibility.proof.trace import Trace
from nbkeras.reproducibility.proof.values import random_states, unseen, values_of
from nbkeras.runtime.refusal import Refusal
from nbkeras.training.fitting import fitting
from nbkeras.training.witnessing import witnessed

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbkeras.reproducibility.proof.trace import Value


class ProvenCode:
    """Code of a user's, ready to run as often as it is asked to; a subclass knows its names.

    Attributes:
        source: its words.
        value: what its value is called among its variables.
    """

    source: Source
    value = LAST

    def __init__(self, run: Callable[[], Any], variables: dict[str, Any]) -> None:
        """Take code; nothing of it runs yet.

        Args:
            run: runs it and returns its value.
            variables: where its names are bound.
        """
        self._run = run
        self._names = variables
        self._kept: Kept | None = None

    def first(self, label: str, *, quiet: bool = False) -> tuple[Trace, Any]:
        """Run the code as it would run by itself; return what it showed and its value."""
        __tracebackhide__ = True
        trace = self._begin(label)
        value = self._traced(trace, quiet=quiet)
        self.learn()
        return trace, value

    def again(self, label: str) -> Trace:
        """Run the code once more, as things stand now; an error is noted, not raised."""
        if self._kept is None:
            self._kept = self._keep()
        trace = self._begin(label)
        try:
            self._traced(trace, quiet=True)
        except Exception as error:  # noqa: BLE001 - that it fails is what the proof is to say
            trace.error = f"{type(error).__name__}: {error}"
        return trace

    def put_back(self) -> None:
        """Leave all as it was after the first run."""
        if self._kept is not None:
            self._kept.put_back(self.touched())
            self._kept = None

    def learn(self) -> None:
        """Read again what the first run has told: which names stand for what."""

    def touched(self) -> list[str]:
        """Return the names that a run may bind."""
        raise NotImplementedError

    def read_names(self) -> set[str]:
        """Return the names from elsewhere that the code reads."""
        raise NotImplementedError

    def made_names(self) -> set[str]:
        """Return the names that it binds, as far as they are seen afterwards."""
        return set()

    def _keep(self) -> Kept:
        return Kept(self._names, self.read_names())

    def _traced(self, trace: Trace, *, quiet: bool) -> Any:
        __tracebackhide__ = True
        with fitting(quiet=quiet), witnessed(trace, self._variables):
            value = self._run()
        trace.end = self._variables()
        trace.unseen = unseen(sorted(self.made_names()), self._names)
        if value is not None:
            trace.end |= values_of([self.value], {self.value: value})
            trace.unseen += unseen([self.value], {self.value: value})
        return value

    def _begin(self, label: str) -> Trace:
        start = values_of(self.read_names(), self._names)
        return Trace(label, start=start, random=random_states(), hash_probe=str(hash("nbkeras")))

    def _variables(self) -> dict[str, Value]:
        return values_of(sorted(self.made_names() | self.read_names()), self._names)


class ProvenFunction(ProvenCode):
    """A function without arguments."""

    value = RETURNED

    def __init__(self, function: Any) -> None:
        """Take a function; it does not run yet.

        Raises:
            Refusal: for what is no function, or one that needs arguments.
        """
        name = _name(function)
        if not callable(function):
            text = f"expected a function, received {function!r}: give  nbkeras.reproducible(train)"
            raise Refusal(text)
        try:
            inspect.signature(function).bind()
        except TypeError as error:
            text = f"expected a function that needs no argument, received {name} ({error})"
            raise Refusal(f"{text}: give  lambda: {name if name.isidentifier() else 'train'}(…)") from None
        except ValueError:
            # A builtin that does not tell its signature.
            pass
        self._base = _base(function)
        held = inspect.getclosurevars(self._base).nonlocals if inspect.isfunction(self._base) else {}
        super().__init__(function, {**getattr(self._base, "__globals__", {}), **held})
        self._globals: dict[str, Any] = getattr(self._base, "__globals__", {})
        self._closure = tuple(held)
        self.source = self._parsed()

    @property
    def held(self) -> frozenset[str]:
        """The datasets from elsewhere that the function reads."""
        return frozenset(name for name in self.read_names() if hasattr(self._names[name], "element_spec"))

    def learn(self) -> None:
        """Take what the functions that it calls say as said by itself."""
        self.source.read_functions(self.read_names(), module=getattr(self._base, "__module__", ""))

    def touched(self) -> list[str]:
        """Return the globals that a run may bind."""
        code = getattr(self._base, "__code__", None)
        return [] if code is None else list(code.co_names)

    def read_names(self) -> set[str]:
        """Return the globals and the variables of outer functions that it reads."""
        return {name for name in reached([*self.touched(), *self._closure], self._names) if name[:1] != "_"}

    def _begin(self, label: str) -> Trace:
        # A run may have bound a global anew.
        self._names.update({name: self._globals[name] for name in self.touched() if name in self._globals})
        return super()._begin(label)

    def _keep(self) -> Kept:
        return Kept(self._globals, self.read_names() & self._globals.keys(), also=self._closed())

    def _closed(self) -> list[Any]:
        return [self._names[name] for name in self._closure]

    def _parsed(self) -> Source:
        try:
            text, line = inspect.getsource(self._base), self._base.__code__.co_firstlineno
        except (OSError, TypeError, AttributeError):
            text, line = "", 1
        return Source(textwrap.dedent(text), self._names, first_line=line, function=True)


def _base(function: Any) -> Any:
    """Return what has the code: of a partial, a method, a decorated function."""
    while isinstance(function, functools.partial):
        function = function.func
    function = inspect.unwrap(function)
    return getattr(function, "__func__", function)


def _name(function: Any) -> str:
    return str(getattr(_base(function), "__name__", type(function).__name__))
