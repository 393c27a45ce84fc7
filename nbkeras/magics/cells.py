"""Runs the body of a cell magic as IPython would have run the cell."""

from __future__ import annotations

import ast
import inspect
import io
import linecache
import tokenize
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from nbkeras.magics.interactivity import parted

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

    from IPython.core.interactiveshell import InteractiveShell

    from nbkeras.magics.interactivity import Part


def run_cell_body(shell: InteractiveShell, magic: str, line: str, cell: str) -> Any:
    """Run a cell's body in the notebook's namespace and return the value to display, None for none.

    The code runs here and now, not through ``shell.run_cell``: an error comes out once, through the
    caller, so that the cell fails and Run All stops at it. The code carries the name and the lines of the
    cell it stands in, so that a traceback points there.

    Raises:
        UsageError: when the cell awaits at its top level, which no magic can do inside IPython's loop.
    """
    __tracebackhide__ = True
    try:
        run = prepared(shell, magic, line, cell)
    except SyntaxError as error:
        raise _as_of_a_cell(shell, error) from None
    return run()


def _as_of_a_cell(shell: InteractiveShell, error: SyntaxError) -> Exception:
    """Return an error that is shown as IPython shows it of a cell: without the way that it came.

    What is raised while a cell runs is shown with all frames, and of a syntax error no frame can be hidden.
    """
    # IPython itself gives a list here.
    lines = shell.SyntaxTB.structured_traceback(type(error), error, [])  # type: ignore[arg-type]
    name = type(error).__name__
    return type(name, (Exception,), {"_render_traceback_": lambda _: lines})(str(error))  # type: ignore[no-any-return]


def prepared(
    shell: InteractiveShell, magic: str, line: str, cell: str, *, runs: str | None = None
) -> Callable[[], Any]:
    """Return what runs a cell's body, as often as it is called.

    Args:
        shell: the running IPython.
        magic: the cell magic, for tracebacks and refusals.
        line: its line.
        cell: the body, as tracebacks show it.
        runs: what runs in its place, line for line; by default the body itself.

    Raises:
        UsageError: when the cell awaits at its top level, which no magic can do inside IPython's loop.
    """
    __tracebackhide__ = True
    # An empty first line stands for the magic line, so that line numbers are those of the cell.
    shown = "\n" + shell.transform_cell(cell)
    source = shown if runs is None else "\n" + shell.transform_cell(runs)
    filename = name_of_running_cell(shell, f"{magic} {line}".rstrip() + shown)
    tree = shell.transform_ast(shell.compile.ast_parse(source, filename=filename))
    # A last semicolon hides all that the cell would display.
    interactivity = "none" if _is_silenced(cell) else shell.ast_node_interactivity
    codes = [_compile(shell, part, filename) for part in parted(tree, interactivity)]
    if any(code.co_flags & inspect.CO_COROUTINE for code in codes):
        text = (
            f"{magic}: expected a cell without await at its top level, received one: write the cell without "
            f"{magic} and put  with nbkeras.fitting():  around the code that trains"
        )
        raise UsageError(text)

    def run() -> Any:
        __tracebackhide__ = True
        result = None
        for code in codes:
            result = eval(code, shell.user_ns)  # noqa: S307 - running the user's cell is what a cell magic is for
        return result

    return run


def identity_of_cell(shell: InteractiveShell, text: str) -> str:
    """Return what tells the running cell from others and stays when it is run again.

    JupyterLab, Notebook 7 and VS Code send the id that the notebook's file has for the cell, so it may be
    edited; elsewhere the text itself has to do.
    """
    metadata = getattr(shell, "parent_header", {}).get("metadata", {})
    return str(metadata.get("cellId") or text)


def name_of_running_cell(shell: InteractiveShell, shown: str) -> str:
    """Return the file name under which IPython runs this cell, and let tracebacks show ``shown`` for it.

    IPython counts a cell up before or after it has run, by version; the running cell's own frame knows
    its name for sure.
    """
    frame = inspect.currentframe()
    while frame is not None and frame.f_globals is not shell.user_ns:
        frame = frame.f_back
    if frame is None:
        return shell.compile.cache(shown, shell.execution_count)
    name = frame.f_code.co_filename
    lines = [each + "\n" for each in shown.splitlines()]
    linecache.cache[name] = (len(shown), None, lines, name)
    return name


def _is_silenced(cell: str) -> bool:
    """Tell whether a cell ends with a semicolon, which hides what it displays."""
    blank = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENDMARKER, tokenize.DEDENT}
    try:
        tokens = [t for t in tokenize.generate_tokens(io.StringIO(cell).readline) if t.type not in blank]
    except (tokenize.TokenError, SyntaxError):
        # Lines that only IPython understands (%time, !ls).
        return cell.rstrip().endswith(";")
    return bool(tokens) and tokens[-1].string == ";"


def _compile(shell: InteractiveShell, tree: Part, filename: str) -> CodeType:
    mode = {ast.Expression: "eval", ast.Interactive: "single"}.get(type(tree), "exec")
    flags = shell.compile.flags | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    code: CodeType = compile(tree, filename, mode, flags=flags, dont_inherit=True)
    return code
