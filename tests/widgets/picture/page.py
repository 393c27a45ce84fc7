"""A page as tests read it, and what is left of it in a notebook that is not trusted."""

from __future__ import annotations

import re
from html.parser import HTMLParser

# What JupyterLab 4.6 keeps of a notebook that is not trusted, as far as we use it.
TAGS = {"b", "code", "details", "div", "img", "span", "summary", "table", "tbody", "td", "th", "thead", "tr"}
ATTRIBUTES = {
    "*": {"class", "style"},
    "img": {"alt", "height", "src", "width"},
    "table": {"cellpadding"},
    "th": {"scope"},
    "tr": {"align"},
}
STYLES = {
    *(
        "background",
        "border-collapse",
        "border-left",
        "border-radius",
        "color",
        "display",
        "font-size",
        "font-weight",
    ),
    *("height", "line-height", "margin", "max-width", "opacity", "padding", "text-align"),
    *("vertical-align", "white-space"),
}
VOID = {"img"}


class Page(HTMLParser):
    """The elements, texts and mistakes of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append(data.strip())


def untrusted(text: str) -> str:
    """What is left of a page whose scripts may not run."""
    return re.sub(r"<script>.*?</script>", "", re.sub(r' data-\w+="[^"]*"', "", text), flags=re.DOTALL)


def expect_kept(text: str) -> None:
    """Fail when JupyterLab would take anything away."""
    page = Page(text)
    assert not page.open
    for tag, attributes in page.elements:
        assert tag in TAGS
        assert set(attributes) <= ATTRIBUTES["*"] | ATTRIBUTES.get(tag, set())
        for declaration in attributes.get("style", "color:").split(";"):
            name, _, value = declaration.partition(":")
            assert name in STYLES
            assert "var(" not in value
