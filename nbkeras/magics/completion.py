"""Completes the lines of nbkeras's magics with Tab: options, metrics, runs, paths and variables."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from glob import escape, glob
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython import get_ipython
from IPython.core import completer

from nbkeras.magics import (
    backup,
    batch_size_find,
    cluster_grammar,
    custom_step,
    devices,
    faq,
    features,
    finetune,
    fit_grammar,
    lr_find,
    mixed_precision,
    monitor,
    placement,
    pretrained,
    probe,
    reproducible,
    runs,
    seed,
    stamp,
    strategy,
    switch,
    tpu,
    tune,
    wizard,
)
from nbkeras.runtime.keras_lines import is_model

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nbkeras.magics.grammar import Grammar, Option

GRAMMARS: tuple[Grammar, ...] = (
    fit_grammar.FIT,
    switch.SWITCH,
    monitor.MONITOR,
    runs.RUNS,
    seed.SEED,
    stamp.STAMP,
    reproducible.REPRODUCIBLE,
    backup.BACKUP,
    faq.FAQ,
    wizard.WIZARD,
    tune.TUNE,
    *custom_step.GRAMMARS,
    devices.DEVICES,
    tpu.TPU_CONNECT,
    strategy.STRATEGY,
    mixed_precision.MIXED_PRECISION,
    placement.PLACEMENT,
    lr_find.LR_FIND,
    batch_size_find.BATCH_SIZE_FIND,
    pretrained.PRETRAINED,
    finetune.FINETUNE,
    cluster_grammar.CLUSTER,
    cluster_grammar.CLUSTER_CELL,
    features.FEATURES,
    probe.PROBE,
    replace(probe.PROBE, magic="%%probe"),
)
_MAGIC = re.compile(r"^\s*(%%?\w+)\s(.*)$", re.DOTALL)


def complete(line: str, token: str) -> list[tuple[str, str]]:
    """Return what can stand at the cursor of a magic line: texts and their kinds.

    Args:
        line: the line up to the cursor.
        token: its end, as the completer parts it; the texts returned take its place.
    """
    match = _MAGIC.match(line)
    grammar = next((g for g in GRAMMARS if match is not None and g.magic == match[1]), None)
    if match is None or grammar is None:
        return []
    before, typed = _words(match[2])
    option, head, value = _value_under_way(grammar, before, typed)
    given = {word.partition("=")[0] for word in before}
    # What stands before the completer's own token stays as it is.
    keep = max(0, len(typed) - len(token))
    offers = [(head + _written(text, head), kind) for text, kind in _offers(grammar, option, given, value)]
    return [(text[keep:], kind) for text, kind in offers if text.startswith(typed)]


def _with_context(context: Any) -> dict[str, Any]:
    """Answer IPython 8.6 and later."""
    line = context.full_text.split("\n")[context.cursor_line][: context.cursor_position]
    found = [completer.SimpleCompletion(text=text, type=kind) for text, kind in complete(line, context.token)]
    return {"completions": found, "suppress": bool(found), "matched_fragment": context.token}


def _with_text(text: str) -> list[str]:
    """Answer older IPythons, which give the token alone (Colab has 7.34)."""
    shell = get_ipython()
    return [offer for offer, _ in complete(shell.Completer.text_until_cursor, text)]


matcher = completer.context_matcher()(_with_context) if hasattr(completer, "context_matcher") else _with_text


def _words(text: str) -> tuple[list[str], str]:
    """Part a line at its spaces outside quotes and not behind a backslash; return the last word apart."""
    words = re.findall(r"""(?:\\.|'[^']*(?:'|$)|"(?:\\.|[^"\\])*(?:"|$)|[^\s'"\\]|\\$)+""", text)
    # What is open in quotes may end with a space.
    typed = words.pop() if words and text.endswith(words[-1]) else ""
    return words, typed


def _value_under_way(grammar: Grammar, before: list[str], typed: str) -> tuple[Option | None, str, str]:
    """Return the option whose value is being typed, what stands before the value, and the value so far."""
    name, equals, rest = typed.partition("=") if typed.startswith("--") else ("", "", typed)
    named = name if equals else before[-1] if before else ""
    option = next((o for o in grammar.options if o.name == named and o.metavar), None)
    head = name + equals if option is not None and equals else ""
    rest = typed[len(head) :]
    quote = rest[:1] if rest[:1] in ("'", '"') else ""
    value = rest[1:] if quote else re.sub(r"\\(.)", r"\1", rest)
    return option, head + quote, value


def _written(text: str, head: str) -> str:
    """Write an offer as a word of the line: as it is inside quotes, else with backslashes before spaces."""
    return text if head.endswith(("'", '"')) else re.sub(r"""([\s'"\\])""", r"\\\1", text)


def _offers(
    grammar: Grammar, option: Option | None, given: set[str], value: str
) -> Iterable[tuple[str, str]]:
    if value.startswith(("$", "{")):
        yield from ((value[0] + name, "variable") for name in _variables())
    elif option is not None:
        yield from _values(option, value)
    else:
        yield from (
            (o.name, "option") for o in grammar.options if not o.is_positional and o.name not in given
        )
        for positional in (o for o in grammar.options if o.is_positional):
            yield from _values(positional, value)


def _values(option: Option, fragment: str) -> Iterable[tuple[str, str]]:
    if isinstance(option.complete, tuple):
        yield from ((word, "choice") for word in option.complete)
    elif option.complete == "metric":
        yield from ((f"{name}:", "metric") for name in _metrics())
    elif option.complete in ("path", "directory"):
        yield from ((path, option.complete) for path in _paths(fragment, option.complete))
    elif option.complete == "model":
        yield from ((name, "variable") for name in _models())
    elif option.complete == "variable":
        yield from ((name, "variable") for name in _variables())
    elif option.complete == "run":
        yield from ((name, "run") for name in _run_names())
    elif option.complete == "recipe":
        yield from ((name, "recipe") for name in _recipe_names())
    elif option.complete == "pretrained":
        yield from ((name, "model") for name in _pretrained_names())


def _variables() -> list[str]:
    shell = get_ipython()
    return sorted(name for name in shell.user_ns if not name.startswith("_")) if shell else []


def _models() -> list[str]:
    shell = get_ipython()
    variables = list(shell.user_ns.items()) if shell else []
    return sorted(name for name, value in variables if is_model(value) and not name.startswith("_"))


def _metrics() -> list[str]:
    """Name the metrics of the notebook's compiled models, and those of the last run."""
    from nbkeras.runs import registry
    from nbkeras.training.metric_names import compiled_metrics

    keras_is_there = "keras" in sys.modules or "tf_keras" in sys.modules
    shell = get_ipython()
    models = list(shell.user_ns.values()) if shell and keras_is_there else []
    names = [name for model in models for name in compiled_metrics(model)]
    names += [name for run in registry.live_runs()[-1:] for name in run.metrics]
    both = [each for name in names for each in (name, name if name.startswith("val_") else f"val_{name}")]
    return list(dict.fromkeys(both or ["loss", "val_loss"]))


def _paths(typed: str, kind: str) -> list[str]:
    if typed == "~":
        return ["~/"]
    home, slash, _ = typed.partition("/")
    # The user's own spelling is kept: ~/ stays ~/.
    spelled = home if home.startswith("~") and slash else ""
    expanded = str(Path(spelled).expanduser()) if spelled else ""
    found = []
    for path in sorted(glob(escape(expanded + typed[len(spelled) :]) + "*")):  # noqa: PTH207 - see above
        is_directory = Path(path).is_dir()
        if is_directory or kind == "path":
            found.append(spelled + path[len(expanded) :] + "/" * is_directory)
    return found


def _recipe_names() -> list[str]:
    from nbkeras import recipes

    return recipes.names()


def _pretrained_names() -> list[str]:
    from nbkeras.models.pretrained.known import published_names

    return published_names()


def _run_names() -> list[str]:
    from nbkeras import runs as all_runs

    known = all_runs.all()
    return list(dict.fromkeys([run.name for run in known] + [run.id for run in known]))
