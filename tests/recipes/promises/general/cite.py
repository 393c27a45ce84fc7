"""The entries are whole BibTeX, with the versions that are installed."""

import re
from importlib.metadata import version

import tensorflow as tf


def kept(values, variables, line):
    text = variables[values["variable"]]
    entries = re.split(r"(?=^@)", text, flags=re.MULTILINE)[1:]
    assert len(entries) == 1 + values["tensorflow"]
    for entry in entries:
        assert entry.count("{") == entry.count("}")
        assert re.match(r"@misc\{\w+,\n", entry)
        assert re.findall(r"^  (\w+) = \{.*\},$", entry, re.MULTILINE) == [
            *("title", "author", "year", "howpublished", "note"),
        ]
    package = "keras" if line == "keras" else "tf_keras"
    name = package.replace("_", r"\_")
    assert f"note = {{{name} {version(package)}}}" in entries[0]
    if values["tensorflow"]:
        assert f"note = {{tensorflow {tf.__version__}}}" in entries[1]
