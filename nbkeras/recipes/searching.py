"""Finds recipes by words, typos and missing words forgiven."""

from __future__ import annotations

import difflib
import functools
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbkeras.recipes.catalogue import all as all_recipes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbkeras.recipes.recipe import Recipe

# What a word counts for by the place it is found in: a name says more than an answer.
_WEIGHTS = {"name": 5.0, "keywords": 4.0, "question": 3.0, "words": 1.0}
# Below this likeness two words are different words: "batch" and "match" are 0.8 alike.
_ALIKE = 0.81
# The longest word of a recipe that a typo can be meant for.
_LONGEST = 40
# So much more may follow on the beginning of a word that it is still the same word: stop, stopping.
_ENDING = 3
# Recipes with less than this part of the best one's score have nothing to do with what was asked.
_NEAR = 0.3
_MOST = 8
_STOP = frozenset(
    re.findall(
        r"\w+",
        """
        a about am an and are as at be been by can cannot could did do does doesn don for from get has
        have how i if in into is isn it its just keras me my need of on only or please should so some
        than that the then there this to use used using want was way we what when where which while who
        why will with without won would you your
        """,
    )
)


@dataclass(frozen=True, slots=True)
class Found:
    """What a search has found.

    Args:
        recipes: the recipes that fit, the best first.
        complete: whether the best one has every word that was asked for, or nearly.
    """

    recipes: list[Recipe]
    complete: bool


def search(text: str) -> list[Recipe]:
    """Return the recipes that fit words, the best first; all of them for no words.

    A word counts the more, the fewer recipes have it, and for its place: name, keywords, question or answer.
    A recipe need not have all words.

    Example:
        >>> import nbkeras
        >>> [recipe.name for recipe in nbkeras.recipes.search("erly stoping")][0]
        'early_stopping'

    Args:
        text: words, in any order.
    """
    return find(text).recipes


def find(text: str) -> Found:
    """Return what `search` returns, and whether the best recipe has all the words."""
    asked = list(dict.fromkeys(_words(text) or re.findall(r"\w+", text.lower())))
    if not asked:
        return Found(all_recipes(), complete=True)
    known = {word: _meant(word) for word in asked}
    hits = {recipe.name: _hits(recipe, known) for recipe in all_recipes()}
    rarity = {word: _rarity(sum(word in each for each in hits.values()), len(hits)) for word in asked}
    scores = {
        recipe: sum(rarity[word] * weight for word, weight in hits[recipe.name].items())
        + sum(rarity[word] * _WEIGHTS["keywords"] for word in _phrases(recipe, frozenset(asked)))
        for recipe in all_recipes()
    }
    best = max(scores.values())
    # Stable: recipes that fit equally well stay in the FAQ's order.
    ranked = sorted((r for r in scores if scores[r] > max(0.0, _NEAR * best)), key=lambda r: -scores[r])
    return Found(ranked[:_MOST], complete=bool(ranked) and len(hits[ranked[0].name]) == len(asked))


def _hits(recipe: Recipe, known: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Return for each word that a recipe has what it counts for there."""
    places = _index(recipe)
    found = {
        word: max(
            (
                weight * likeness
                for place, weight in _WEIGHTS.items()
                for meant, likeness in alike.items()
                if meant in places[place]
            ),
            default=0.0,
        )
        for word, alike in known.items()
    }
    return {word: weight for word, weight in found.items() if weight}


def _rarity(having: int, count: int) -> float:
    """Return what a word counts for: the fewer recipes have it, the more (inverse document frequency)."""
    return 0.2 + math.log((count + 1) / (having + 0.5))


def _phrases(recipe: Recipe, asked: frozenset[str]) -> frozenset[str]:
    """Return the words of keywords of several words that were asked for whole."""
    whole = [phrase for phrase in _keyword_phrases(recipe) if len(phrase) > 1 and phrase <= asked]
    return frozenset[str]().union(*whole)


def _meant(word: str) -> dict[str, float]:
    """Return the recipes' words that a word may mean, with their likeness: 1 for the word itself."""
    vocabulary = _vocabulary()
    meant = {
        # tf and h5 are whole words.
        other: 0.9 if len(other) <= len(word) + _ENDING else 0.6
        for other in vocabulary
        if len(word) > 2 and other.startswith(word)  # noqa: PLR2004 - as said above
    }
    if word in vocabulary:
        meant[word] = 1.0
    if not meant and len(word) <= _LONGEST:
        near = difflib.get_close_matches(word, vocabulary, n=3, cutoff=_ALIKE)
        meant = {other: 0.8 * difflib.SequenceMatcher(None, word, other).ratio() for other in near}
    return meant


@functools.lru_cache(maxsize=1)
def _vocabulary() -> frozenset[str]:
    return frozenset[str]().union(*(words for recipe in all_recipes() for words in _index(recipe).values()))


@functools.lru_cache(maxsize=128)
def _keyword_phrases(recipe: Recipe) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(_words(keyword)) for keyword in recipe.keywords)


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
