"""How to cite Keras, with the versions in use."""

from __future__ import annotations

from pathlib import Path

from nbkeras.recipes.parameter import Identifier, Switch
from nbkeras.recipes.recipe import Recipe

RECIPE = Recipe(
    name="cite",
    faq="9",
    section="General",
    topic="Citing",
    question="How should I cite Keras?",
    answer=(
        "With the entry that keras.io gives, and with the version that made your results, because they "
        "change with it: the code writes both as BibTeX, from the packages that are installed here."
    ),
    changed=(
        "Keras is a package of its own again: since TensorFlow 2.16 tf.keras is Keras 3, and the Keras of "
        "before is tf_keras. So a citation needs Keras's version beside TensorFlow's."
    ),
    silent="",
    keywords=(
        "citation",
        "BibTeX",
        "reference",
        "paper",
        "bibliography",
        "Chollet",
        "LaTeX",
        "how to cite",
    ),
    links=(
        ("Citing Keras", "https://keras.io/getting_started/faq/"),
        ("Citing TensorFlow", "https://www.tensorflow.org/about/bib"),
    ),
    parameters=(
        Switch(
            name="tensorflow",
            label="TensorFlow too",
            help="Add an entry for TensorFlow, which ran the training.",
            default=True,
            examples=(False,),
        ),
        Identifier(
            name="variable",
            label="Variable",
            help="The variable that holds the text afterwards.",
            default="bibtex",
            examples=("entries",),
        ),
    ),
    template=Path(__file__).with_suffix(".py.jinja"),
)
