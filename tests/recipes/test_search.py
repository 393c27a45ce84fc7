"""Words find the question that a user means, typos and all."""

from __future__ import annotations

import pytest

from nbkeras import recipes
from nbkeras.recipes.searching import find
from tests.recipes.asked import MUST, TITLES, TYPED

MEANT = [
    ("erly stoping", "early_stopping"),
    ("multiple gpus", "data_parallel"),
    ("two GPUs one model parallel", "device_parallel"),
    ("slurm", "multi_worker"),
    ("parameter server", "parameter_servers"),
    ("tpu colab", "tpu"),
    ("keras.json", "config_file"),
    ("hyperparameter tuning", "tuning"),
    ("reproducable results seed", "reproducible"),
    ("save whole model", "save_model"),
    ("save weights", "save_weights"),
    ("load weights by name", "weights_by_name"),
    ("to_json", "model_config"),
    ("custom objects", "custom_objects"),
    ("pickle", "pickling"),
    ("h5py", "hdf5"),
    ("bibtex", "cite"),
    ("what is an epoch", "sample_batch_epoch"),
    ("training loss higher than testing loss", "loss_gap"),
    ("dataset does not fit in memory", "big_data"),
    ("resume after crash", "recover"),
    ("freeze layers", "freeze_layers"),
    ("fine-tuning", "freeze_layers"),
    ("fine-tuning", "fine_tune"),
    ("discriminative learning rates", "fine_tune"),
    ("gradual unfreezing", "fine_tune"),
    ("gan", "gan_freezing"),
    ("mc dropout", "training_argument"),
    ("batchnorm", "batch_norm"),
    ("stratified split", "validation_split"),
    ("shufle", "shuffling"),
    ("tensorboard", "monitoring"),
    ("custom train_step", "train_step"),
    ("sample weight", "sample_weights"),
    ("evaluate custom test_step", "test_step"),
    ("GradientTape loop", "custom_loop"),
    ("mixed precision float16", "mixed_precision"),
    ("predict or call", "predict_or_call"),
    ("feature extraction", "intermediate_layers"),
    ("imagenet weights", "pretrained"),
    ("stateful lstm", "stateful_rnn"),
]


@pytest.mark.parametrize(("words", "name"), MEANT + MUST)
def test_words_find_what_is_meant(words, name):
    found = [recipe.name for recipe in recipes.search(words)]
    assert name in found[:3]


@pytest.mark.parametrize("name", recipes.names())
def test_a_recipe_is_found_by_its_own_question(name):
    found = [recipe.name for recipe in recipes.search(recipes.get(name).question)]
    assert found[0] == name


def test_questions_as_they_are_typed_find_their_recipe():
    asked = TYPED + TITLES
    assert len(asked) >= 80
    lost = [(words, name) for words, name in asked if name not in [r.name for r in recipes.search(words)[:3]]]
    assert len(lost) <= 0.05 * len(asked), lost


@pytest.mark.parametrize(
    ("words", "complete"),
    [
        ("early stopping", True),
        ("erly stoping", True),
        ("early stopping zebra", False),
        ("zebra", False),
        ("", True),
    ],
)
def test_a_word_that_no_recipe_has_is_known(words, complete):
    assert find(words).complete is complete


def test_an_unknown_word_changes_no_order():
    assert recipes.search("freeze base model zebra") == recipes.search("freeze base model")


def test_no_words_find_all_and_strange_ones_none():
    assert recipes.search("") == recipes.all()
    assert recipes.search("zebra crossing") == []


@pytest.mark.parametrize("text", ["?", "' \"", "--", "ü", "a" * 10_000, "the of", "\n"])
def test_any_text_can_be_asked(text):
    assert isinstance(recipes.search(text), list)
