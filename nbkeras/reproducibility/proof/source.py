"""What a cell's own words say about where its randomness comes from."""

from __future__ import annotations

import ast
import contextlib
import inspect
import re
import textwrap
from dataclasses import dataclass, replace
from types import ModuleType
from typing import TYPE_CHECKING, Any

from nbkeras.reproducibility.proof import syntax
from nbkeras.reproducibility.proof.flow import Flow
from nbkeras.reproducibility.proof.names import codes_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from nbkeras.reproducibility.proof.flow import Step

# What a call is, by its full dotted name. The first that fits counts.
_CALLS = (
    (
        "clock",
        r"time\.(time|time_ns|perf_counter|perf_counter_ns|monotonic|monotonic_ns)|.*\bdatetime\.(now|utcnow|today)|date\.today",
    ),
    ("clock", r".*Timestamp\.now"),
    ("system", r"uuid\.uuid[14]|os\.urandom|secrets\.\w+|random\.SystemRandom|tempfile\.\w+"),
    ("process", r"os\.getpid|threading\.get_ident"),
    ("seed", r".*\b(set_random_seed|set_seed)|numpy\.random\.seed|random\.seed|nbkeras\.seed"),
    ("writes", r".*\.(save|save_weights|savetxt|savez|write_text|write_bytes|to_csv|dump)"),
    ("reads", r".*\.(load_weights|load_model|load|loadtxt|read_text|read_bytes|read_csv|exists|isfile|glob)"),
    (
        "threads",
        r".*\b(Thread|ThreadPoolExecutor|ProcessPoolExecutor|ThreadPool|as_completed|imap_unordered)",
    ),
    ("threads", r"multiprocessing\.(Pool|Process)|_thread\.start_new_thread"),
    ("augmentation", r"tensorflow\.image\.random_\w+"),
    ("random op", r"tensorflow\.random\.(uniform|normal|truncated_normal|shuffle|gamma|poisson|categorical)"),
    ("random op", r"keras\.random\.\w+|tensorflow\.keras\.random\.\w+"),
    ("augmentation", r".*\blayers\.(Random\w+|MixUp|CutMix|AugMix|AutoContrast|GaussianNoise)"),
    ("dropout", r".*\blayers\.\w*Dropout\w*"),
    ("NumPy generator", r"numpy\.random\.(default_rng|RandomState|PCG64|SeedSequence)"),
    ("Python generator", r"random\.Random"),
    ("NumPy", r"numpy\.random\.\w+"),
    ("Python", r"random\.\w+"),
    ("set", r"set|frozenset|hash"),
)
# What of them counts where it is handed to another call as well.
_HANDED = frozenset({"augmentation", "random op", "NumPy", "Python"})
# What another process, or another call, gives another value for.
_OUTSIDE = frozenset({"system", "process"})
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
    feeds: bool = True
    """Whether it may decide a training of the cell."""


class Source:
    """A cell and the functions that it uses, parsed."""

    def __init__(
        self, text: str, variables: Mapping[str, Any], *, first_line: int = 1, function: bool = False
    ) -> None:
        """Parse a cell; one that is no Python says nothing.

        Args:
            text: plain Python.
            variables: the notebook's, to know what names stand for.
            first_line: how its first line is numbered in the cell that the user sees.
            function: whether the text is one function, whose body is then the cell.
        """
        self._variables = variables
        self.shift = first_line - 1
        try:
            self.tree = ast.parse(text)
        except SyntaxError:
            self.tree = ast.Module([], [])
        if function and self.tree.body and isinstance(self.tree.body[0], ast.FunctionDef):
            self.tree = ast.Module(self.tree.body[0].body, [])
        self._imports = dict(syntax.imports(self.tree))
        self.flow = Flow(self.tree, self._is_module)
        # Set by who knows that a magic above the cell seeds.
        self.seeded_above = False
        self._nodes: dict[Evidence, int] = {}
        self.evidence = [each for each in self._find() if each.kind]

    def read_functions(self, names: Iterable[str], *, module: str = "__main__") -> None:
        """Take what the functions and classes of earlier cells, or of one module, say as said by the cell."""
        for name in sorted(set(names) - self.makes):
            thing: Any = self._variables.get(name)
            # Another module's own functions are no cell's.
            if getattr(thing, "__module__", "") == module and codes_of(thing):
                with contextlib.suppress(OSError, TypeError):
                    text = textwrap.dedent(inspect.getsource(thing))
                    found = Source(text, self._variables).evidence
                    self.evidence += [replace(each, function=name) for each in found]

    def of_kind(self, *kinds: str) -> list[Evidence]:
        """Return the places of some kinds, first lines first."""
        return sorted((each for each in self.evidence if each.kind in kinds), key=lambda each: each.line)

    def uses(self, *packages: str) -> bool:
        """Tell whether a name that the cell reads stands for one of some packages or a part of it."""
        return any(self._root(name).partition(".")[0] in packages for name in self.reads)

    @property
    def modules(self) -> set[str]:
        """The names that the cell reads and that stand for modules, functions or classes."""
        return {name for name in self.reads if self._is_module(name) or callable(self._variables.get(name))}

    @property
    def timed(self) -> frozenset[str]:
        """The names that hold a time, a random name or what was measured by a clock, and nothing else."""
        clocks = {self._nodes[each] for each in self.of_kind("clock") if each in self._nodes}
        found = set(syntax.collected(self.tree, clocks))
        for step in self.flow.steps:
            if step.trains:
                continue
            kinds = {each.kind: each.inside for each in self._evidence_in(step)}
            is_time = kinds.get("clock", "call") in {"name", "difference", "text"}
            if is_time or kinds.keys() & _OUTSIDE or syntax.is_difference(step.parts[0], found):
                found |= step.changes
        return frozenset(found)

    @property
    def timed_texts(self) -> frozenset[str]:
        """The names that may hold a text with such a time or name in it."""
        return frozenset(self.flow.reached_from(self.timed))

    @property
    def reads(self) -> dict[str, int]:
        """The names that the cell reads, each with the first line that does."""
        found: dict[str, int] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                found[node.id] = min(node.lineno + self.shift, found.get(node.id, node.lineno + self.shift))
        return found

    @property
    def free(self) -> dict[str, int]:
        """The names that come from before the cell: it reads them before it binds them, or never does."""
        bound: set[str] = set()
        found: dict[str, int] = {}
        for statement in self.tree.body:
            for name, line in syntax.loads(statement):
                if name not in bound:
                    found.setdefault(name, line + self.shift)
            bound |= set(syntax.bound([statement]))
        # What functions read, they read when they are called: after the cell has bound it.
        return found | {name: line for name, line in self.reads.items() if name not in bound}

    @property
    def makes(self) -> set[str]:
        """The names that the cell binds at its top level."""
        return set(syntax.bound(self.tree.body))

    @property
    def last_fit(self) -> int:
        """The line of the last call of a method ``fit``, a large number where there is none."""
        lines = [
            node.lineno + self.shift
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "fit"
        ]
        return max(lines, default=10**9)

    def _evidence_in(self, step: Step) -> list[Evidence]:
        inside = {id(node) for part in step.parts for node in ast.walk(part)}
        return [each for each in self.evidence if self._nodes.get(each) in inside]

    def _is_module(self, name: str) -> bool:
        return name in self._imports or isinstance(self._variables.get(name), ModuleType)

    def _find(self) -> Iterator[Evidence]:
        parents = {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call):
                yield self._call(node, parents)
                yield from self._keywords(node)
            elif isinstance(node, ast.Attribute) and syntax.is_handed_over(node, parents):
                # A function that map or another calls.
                kind = self._kind(node)
                yield self._evidence(kind if kind in _HANDED else "", node)
            elif isinstance(node, (ast.Set, ast.SetComp)) and not syntax.is_ordered(node, parents):
                yield self._evidence("set", node)
            elif (
                isinstance(node, ast.Assign)
                and syntax.says_false(node.value)
                and any(
                    isinstance(target, ast.Attribute) and "deterministic" in target.attr
                    for target in node.targets
                )
            ):
                yield self._evidence("unordered", node)

    def _call(self, node: ast.Call, parents: dict[ast.AST, ast.AST]) -> Evidence:
        kind = self._kind(node.func)
        given = [keyword.arg or "" for keyword in node.keywords if not syntax.says_none(keyword.value)]
        if (
            kind in {"NumPy generator", "Python generator"}
            and node.args
            and not syntax.says_none(node.args[0])
        ):
            given.append("seed")
        if kind == "set" and syntax.is_ordered(node, parents):
            kind = ""
        if isinstance(node.func, ast.Name) and node.func.id == "open":
            kind = "writes" if syntax.writes(node) else "reads"
        return self._evidence(kind, node, tuple(given), syntax.taker(node, parents))

    def _kind(self, function: ast.expr) -> str:
        name = self._dotted(function)
        return next((kind for kind, pattern in _CALLS if re.fullmatch(pattern, name)), "")

    def _keywords(self, node: ast.Call) -> Iterator[Evidence]:
        for keyword in node.keywords:
            if keyword.arg == "deterministic" and syntax.says_false(keyword.value):
                yield self._evidence("unordered", node)
            elif keyword.arg == "num_parallel_calls" and not syntax.says_none(keyword.value):
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
        found = Evidence(kind, line + self.shift, shown, given, inside, feeds=self.flow.feeding(node))
        self._nodes[found] = id(node)
        return found

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
