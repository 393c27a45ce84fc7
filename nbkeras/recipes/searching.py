"""Finds recipes by words, typos forgiven."""

from __future__ import annotations

import difflib
import functools
import re
from typing import TYPE_CHECKING

from nbkeras.recipes.catalogue import all as all_recipes

if TYPE_CHECKING:
    from nbkeras.recipes.recipe import Recipe

# What a word counts for by the place it is found in: a name says more than an answer.
_WEIGHTS = {"name": 5.0, "keywords": 4.0, "question": 3.0, "words": 1.0}
# Below this likeness two words are different words: "batch" and "match" are 0.8 alike.
_ALIKE = 0.81
_STOP = frozenset(
    re.findall(
        r"\w+",
        """
        a an and are as at be by can do does for from get has have how i in is it its keras my of on or should
        that the this to use using was what when where which while why will with without you your
        """,
    )
)


def search(text: str) -> list[Recipe]:
    """Return the recipes that fit words, the best first; all of them for no words.

    A recipe fits when it has each word, or nearly: in its name, keywords, question or answer.

    Example:
        >>> import nbkeras
        >>> [recipe.name for recipe in nbkeras.recipes.search("erly stoping")][0]
        'early_stopping'

    Args:
        text: words, in any order.
    """
    asked = _words(text) or re.findall(r"\w+", text.lower())
    if not asked:
        return all_recipes()
    scored = [(_score(recipe, asked), recipe) for recipe in all_recipes()]
    # Stable: recipes that fit equally well stay in the FAQ's order.
    return [recipe for score, recipe in sorted(scored, key=lambda pair: -pair[0]) if score > 0]


def _score(recipe: Recipe, asked: list[str]) -> float:
    places = _index(recipe)
    total = 0.0
    for word in asked:
        best = max(weight * _likeness(word, places[place]) for place, weight in _WEIGHTS.items())
        if best == 0:
            return 0.0
        total += best
    return total


def _likeness(word: str, words: frozenset[str]) -> float:
    """Return how near the nearest of some words comes: 1 for the word itself, 0 for none."""
    if word in words:
        return 1.0
    if len(word) > 2 and any(other.startswith(word) for other in words):  # noqa: PLR2004 - tf, h5 are whole words
        return 0.9
    near = difflib.get_close_matches(word, words, n=1, cutoff=_ALIKE)
    return 0.8 * difflib.SequenceMatcher(None, word, near[0]).ratio() if near else 0.0


@functools.lru_cache(maxsize=128)
def _index(recipe: Recipe) -> dict[str, frozenset[str]]:
    labels = " ".join(f"{each.label} {each.help}" for each in recipe.parameters)
    texts = {
        "name": recipe.name,
        "keywords": " ".join(recipe.keywords),
        "question": f"{recipe.question} {recipe.topic} {recipe.magic}",
        "words": f"{recipe.answer} {recipe.changed} {recipe.silent} {labels}",
    }
    return {place: frozenset(_words(text)) for place, text in texts.items()}


def _words(text: str) -> list[str]:
    """Return the words that say something, without plural and verb endings, so that layers is layer."""
    found = re.findall(r"[a-z0-9]+", text.lower().replace("_", " "))
    return [
        re.sub(r"(?<=\w{3})(ing|es|s)$", "", word) for word in found if len(word) > 1 and word not in _STOP
    ]
