"""What a cell's own words say about where its randomness comes from."""

from __future__ import annotations

import ast
import contextlib
import inspect
import itertools
import re
import textwrap
from dataclasses import dataclass, replace
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

# What a call is, by its full dotted name. The first that fits counts.
_CALLS = (
    (
        "clock",
        r"time\.(time|time_ns|perf_counter|perf_counter_ns|monotonic|monotonic_ns)|.*\bdatetime\.(now|utcnow|today)|date\.today",
    ),
    ("clock", r"uuid\.uuid[14]|os\.(urandom|getpid)|secrets\.\w+|random\.SystemRandom|.*Timestamp\.now"),
    ("seed", r".*\b(set_random_seed|set_seed)|numpy\.random\.seed|random\.seed|nbkeras\.seed"),
    ("determinism", r".*\benable_op_determinism"),
    (
        "threads",
        r".*\b(Thread|ThreadPoolExecutor|ProcessPoolExecutor|ThreadPool|as_completed|imap_unordered)",
    ),
    ("threads", r"multiprocessing\.(Pool|Process)|_thread\.start_new_thread"),
    ("augmentation", r"tensorflow\.image\.(stateless_)?random_\w+"),
    ("random op", r"tensorflow\.random\.(uniform|normal|truncated_normal|shuffle|gamma|poisson|categorical)"),
    ("random op", r"keras\.random\.\w+|tensorflow\.keras\.random\.\w+"),
    ("augmentation", r".*\blayers\.(Random\w+|MixUp|CutMix|AugMix|AutoContrast)"),
    ("dropout", r".*\blayers\.(\w*Dropout\w*|GaussianNoise)"),
    ("NumPy generator", r"numpy\.random\.(default_rng|RandomState|PCG64|SeedSequence)"),
    ("Python generator", r"random\.Random"),
    ("NumPy", r"numpy\.random\.\w+"),
    ("Python", r"random\.\w+"),
    ("set", r"set|frozenset|hash"),
)
_LENGTH = 60
_ALIASES = {"np": "numpy", "tf": "tensorflow"}


@dataclass(frozen=True, slots=True)
class Evidence:
    """A place in the cell: what is done there, in which line, and the words themselves."""

    kind: str
    line: int
    text: str
    given: tuple[str, ...] = ()
    """What the call was given: "seed" for a seed other than None, or the names of keywords."""
    inside: str = ""
    """What takes its value: "call", "sum", "difference", "text", "name" or nothing."""
    function: str = ""
    """The function of an earlier cell in which it stands."""


class Source:
    """A cell and the functions that it uses, parsed."""

    def __init__(self, text: str, variables: Mapping[str, Any], *, first_line: int = 1) -> None:
        """Parse a cell; one that is no Python says nothing.

        Args:
            text: plain Python.
            variables: the notebook's, to know what names stand for.
            first_line: how its first line is numbered in the cell that the user sees.
        """
        self._variables = variables
        self._shift = first_line - 1
        try:
            self.tree = ast.parse(text)
        except SyntaxError:
            self.tree = ast.Module([], [])
        self._imports = dict(_imports(self.tree))
        self.evidence = [each for each in self._find() if each.kind]

    def read_functions(self, names: Iterable[str]) -> None:
        """Take what the functions and classes of earlier cells say as said by the cell."""
        for name in sorted(set(names) - self.makes):
            thing: Any = self._variables.get(name)
            # A module's own functions are no cell's.
            if getattr(thing, "__module__", "") == "__main__" and _codes_of(thing):
                with contextlib.suppress(OSError, TypeError):
                    text = textwrap.dedent(inspect.getsource(thing))
                    found = Source(text, self._variables).evidence
                    self.evidence += [replace(each, function=name) for each in found]

    def of_kind(self, *kinds: str) -> list[Evidence]:
        """Return the places of some kinds, first lines first."""
        return sorted((each for each in self.evidence if each.kind in kinds), key=lambda each: each.line)

    @property
    def reads(self) -> dict[str, int]:
        """The names that the cell reads, each with the first line that does."""
        found: dict[str, int] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                found[node.id] = min(node.lineno + self._shift, found.get(node.id, node.lineno + self._shift))
        return found

    @property
    def free(self) -> dict[str, int]:
        """The names that come from before the cell: it reads them before it binds them, or never does."""
        bound: set[str] = set()
        found: dict[str, int] = {}
        for statement in self.tree.body:
            for name, line in _loads(statement):
                if name not in bound:
                    found.setdefault(name, line + self._shift)
            bound |= set(_bound([statement]))
        # What functions read, they read when they are called: after the cell has bound it.
        return found | {name: line for name, line in self.reads.items() if name not in bound}

    @property
    def makes(self) -> set[str]:
        """The names that the cell binds at its top level."""
        return set(_bound(self.tree.body))

    @property
    def last_fit(self) -> int:
        """The line of the last call of a method ``fit``, a large number where there is none."""
        lines = [
            node.lineno + self._shift
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "fit"
        ]
        return max(lines, default=10**9)

    def _find(self) -> Iterator[Evidence]:
        parents = {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call):
                yield self._call(node, parents)
                yield from self._keywords(node)
            elif isinstance(node, (ast.Set, ast.SetComp)):
                yield self._evidence("set", node)
            elif (
                isinstance(node, ast.Assign)
                and _says_false(node.value)
                and any(
                    isinstance(target, ast.Attribute) and "deterministic" in target.attr
                    for target in node.targets
                )
            ):
                yield self._evidence("unordered", node)

    def _call(self, node: ast.Call, parents: dict[ast.AST, ast.AST]) -> Evidence:
        name = self._dotted(node.func)
        kind = next((kind for kind, pattern in _CALLS if re.fullmatch(pattern, name)), "")
        given = [keyword.arg or "" for keyword in node.keywords if not _says_none(keyword.value)]
        if kind in {"NumPy generator", "Python generator"} and node.args and not _says_none(node.args[0]):
            given.append("seed")
        return self._evidence(kind, node, tuple(given), _taker(node, parents))

    def _keywords(self, node: ast.Call) -> Iterator[Evidence]:
        for keyword in node.keywords:
            if keyword.arg == "deterministic" and _says_false(keyword.value):
                yield self._evidence("unordered", node)
            elif keyword.arg == "num_parallel_calls" and not _says_none(keyword.value):
                yield self._evidence("parallel", node)
            elif keyword.arg == "workers" and not (
                isinstance(keyword.value, ast.Constant) and keyword.value.value in (0, 1)
            ):
                yield self._evidence("threads", node)
            elif keyword.arg == "recurrent_dropout":
                yield self._evidence("dropout", node)

    def _evidence(self, kind: str, node: Any, given: tuple[str, ...] = (), inside: str = "") -> Evidence:
        words, line = ast.unparse(node), node.lineno
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            line = node.func.end_lineno or line
            if isinstance(node.func.value, ast.Call):
                # Of a chain of calls, the last one.
                words = "…" + words[len(ast.unparse(node.func.value)) :]
        shown = words if len(words) <= _LENGTH else f"{words[: _LENGTH - 1]}…"
        return Evidence(kind, line + self._shift, shown, given, inside)

    def _dotted(self, node: ast.expr) -> str:
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return ".".join(reversed(parts))
        return ".".join([self._root(node.id), *reversed(parts)])

    def _root(self, name: str) -> str:
        if name in self._imports:
            return self._imports[name]
        thing = self._variables.get(name)
        if isinstance(thing, ModuleType):
            return thing.__name__
        module = getattr(thing, "__module__", None)
        if callable(thing) and isinstance(module, str) and module not in {"builtins", "__main__"}:
            return f"{module}.{getattr(thing, '__name__', name)}"
        return _ALIASES.get(name, name)


def reached(names: Iterable[str], variables: Mapping[str, Any]) -> set[str]:
    """Return names and those that the functions behind them read, one from another.

    Args:
        names: what a cell reads.
        variables: the notebook's.
    """
    waiting, found = [name for name in names if name in variables], set()
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        inner = (each for code in _codes_of(variables[name]) for each in _names_in(code))
        waiting += [each for each in inner if each in variables]
    return found


def _codes_of(thing: Any) -> list[CodeType]:
    """Return the code of a function, or of a class's methods."""
    holders = [thing, *vars(thing).values()] if isinstance(thing, type) else [thing]
    codes = (getattr(holder, "__code__", None) for holder in holders)
    return [code for code in codes if isinstance(code, CodeType)]


def _names_in(code: CodeType) -> set[str]:
    inner = (constant for constant in code.co_consts if isinstance(constant, CodeType))
    return {*code.co_names, *(name for each in inner for name in _names_in(each))}


def _imports(tree: ast.AST) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield (alias.asname, alias.name) if alias.asname else (alias.name.partition(".")[0],) * 2
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def _loads(statement: ast.stmt) -> Iterator[tuple[str, int]]:
    """Give the names that a statement reads when it runs, each with its line."""
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield node.id, node.lineno
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            yield node.target.id, node.lineno
        waiting += ast.iter_child_nodes(node)


def _bound(body: list[ast.stmt]) -> Iterator[str]:
    for statement in body:
        if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
            yield statement.name
            continue
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id


def _taker(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> str:
    """Tell what takes a value: a sum that is no difference, or a call that does more than show or wait."""
    above = [node]
    while above[-1] in parents and not isinstance(parents[above[-1]], ast.stmt):
        above.append(parents[above[-1]])
    if any(_only_shows(parent, child) for child, parent in itertools.pairwise(above)):
        return "text"
    for child, parent in itertools.pairwise(above):
        if isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Sub):
            return "difference"
        if isinstance(parent, ast.Call) and child is not parent.func:
            return "call"
        if isinstance(parent, (ast.BinOp, ast.Subscript)):
            return "sum"
    return "name" if isinstance(parents.get(above[-1]), (ast.Assign, ast.AnnAssign)) else ""


def _only_shows(parent: ast.AST, child: ast.AST) -> bool:
    """Tell the name of a folder, what is printed, and how long is waited."""
    if isinstance(parent, ast.Call) and child is not parent.func:
        name = getattr(parent.func, "attr", getattr(parent.func, "id", ""))
        return name in {"print", "sleep"}
    return isinstance(parent, ast.JoinedStr) or getattr(parent, "attr", "") in {"strftime", "isoformat"}


def _says_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _says_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is False
