"""The house's rules that a machine can check: who imports whom, and how long a file is."""

from __future__ import annotations

import ast
import statistics
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "nbkeras"
ROOMS = ["runtime", "runs", "callbacks", "checks", "data", "reproducibility", "devices", "cluster"]
ROOMS += ["models", "training", "recipes", "widgets", "magics"]
FILES = sorted(PACKAGE.rglob("*.py"))
SOURCES = [
    *FILES,
    *(path for path in (ROOT / "extension" / "src").rglob("*") if path.suffix in {".ts", ".tsx"}),
]


def imports(path: Path, *, for_types: bool) -> Iterator[str]:
    """Every nbkeras module that a file imports, anywhere in it, by its dotted name."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    hidden = set() if for_types else _only_for_types(tree)
    for node in ast.walk(tree):
        if node in hidden:
            continue
        if isinstance(node, ast.ImportFrom):
            yield from _imported_from(node, path)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            yield from (each.value for each in node.args if isinstance(each, ast.Constant))


def _only_for_types(tree: ast.AST) -> set[ast.AST]:
    blocks = (n for n in ast.walk(tree) if isinstance(n, ast.If) and "TYPE_CHECKING" in ast.unparse(n.test))
    return {inner for block in blocks for statement in block.body for inner in ast.walk(statement)}


def _imported_from(node: ast.ImportFrom, path: Path) -> Iterator[str]:
    base = node.module or ""
    if node.level:
        folder = path.parents[node.level - 1].relative_to(ROOT)
        base = ".".join([*folder.parts, *filter(None, [node.module])])
    for alias in node.names:
        name = f"{base}.{alias.name}"
        yield name if module_file(name) else base


def module_file(name: str) -> Path | None:
    """The file of a dotted module name of ours."""
    place = ROOT.joinpath(*name.split("."))
    candidates = (place.with_suffix(".py"), place / "__init__.py")
    return next((path for path in candidates if path.exists()), None)


def room_of(path: Path) -> str | None:
    """The room a file stands in; none for nbkeras/__init__.py, the door to all rooms."""
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else None


def test_every_folder_is_a_room_of_the_table() -> None:
    folders = {room_of(path) for path in FILES} - {None}
    assert folders <= set(ROOMS)
    table = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    order = [line.split("`")[1] for line in table.splitlines() if line.startswith("| `nbkeras/")]
    assert order == [f"nbkeras/{room}/" for room in ROOMS]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_imports_only_rooms_before_it(path: Path) -> None:
    room = room_of(path)
    if room is None:
        return
    allowed = set(ROOMS[: ROOMS.index(room) + 1])
    ours = [name.split(".") for name in imports(path, for_types=True) if name.split(".")[0] == "nbkeras"]
    if room == ROOMS[-1]:  # the last room may use what a user uses
        ours = [name for name in ours if name != ["nbkeras"]]
    wrong = [".".join(name) for name in ours if len(name) < 2 or name[1] not in allowed]
    assert not wrong, f"{room} may import from {sorted(allowed)}, and imports {wrong}"


def test_no_import_circles() -> None:
    graph = {
        path: {file for name in imports(path, for_types=False) if (file := module_file(name))} - {path}
        for path in FILES
    }
    graph[PACKAGE / "__init__.py"] = set()  # the door imports nothing before a name is used
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        circle = " → ".join(str(path.relative_to(ROOT)) for path in error.args[1])
        pytest.fail(f"import circle: {circle}")


def test_files_are_short() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in SOURCES}
    assert not {name: length for name, length in lengths.items() if length > 400}
    assert statistics.median(lengths.values()) <= 130, "the median is to be about 100 lines"
