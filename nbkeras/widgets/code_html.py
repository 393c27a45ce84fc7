"""Python code as highlighted HTML, without a style sheet of its own."""

from __future__ import annotations


def highlighted(code: str) -> str:
    """Return code as HTML in the classes that JupyterLab and nbconvert colour.

    Both bring colours for Pygments's classes, in the light and in the dark theme; elsewhere the code stands
    in one colour. So the HTML needs no style sheet, which a notebook that is not trusted would lose.

    Example:
        >>> '<div class="highlight">' in highlighted("x = 1")
        True

    Args:
        code: Python, with or without magic lines.
    """
    # Imported here: Pygments is not for %load_ext to wait for.
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers.python import PythonLexer

    html: str = highlight(code, PythonLexer(), HtmlFormatter(nowrap=False))
    return html
