"""The data of the stages: how many updates they come to, and what cannot be meant with them."""

from __future__ import annotations

import numpy as np
import pytest

import nbkeras
from nbkeras import Stage
from nbkeras.training.fine_tuning.fine_tune import fine_tuning_plan

X = np.random.default_rng(0).normal(size=(48, 6, 6, 1)).astype("float32")
Y = np.arange(48) % 3


@pytest.fixture
def kinds(keras):
    """Three batches in every form that ``fit`` takes, and one of unknown length."""
    import tensorflow as tf

    dataset = tf.data.Dataset.from_tensor_slices((X, Y)).batch(16)

    class Counted(getattr(keras.utils, "PyDataset", keras.utils.Sequence)):
        # Keras 3 asks for this or for a length.
        num_batches = 3

        def __getitem__(self, at):
            return X[at * 16 : at * 16 + 16], Y[at * 16 : at * 16 + 16]

    class Batches(Counted):
        def __len__(self):
            return 3

    known = [dataset, Batches(), *([Counted()] if hasattr(keras.utils, "PyDataset") else [])]
    return known, [dataset.filter(lambda *_: True), iter([(X, Y)])]


def test_the_plan_counts_the_updates_where_the_data_tell(make, kinds):
    known, unknown = kinds
    model, stages = make(), [Stage("head", epochs=2)]
    updates = [fine_tuning_plan(model, each, stages=stages).stages[0].updates for each in (*known, *unknown)]
    assert updates == [*[6] * len(known), None, None]
    arrays = {"stages": stages, "batch_size": 10, "validation_split": 0.25}
    assert fine_tuning_plan(model, X, **arrays).stages[0].updates == 8
    shown = []
    options = {"stages": stages, "steps_per_epoch": 2, "batch_size": 24, "show": shown.append}
    nbkeras.fine_tune(model, X, Y, **options, name="shown")
    assert shown[0].stages[0].updates == 4


def test_what_only_arrays_can_have_is_refused_with_batches(make, kinds):
    for options, words in (
        ({"validation_split": 0.2}, "validation_split: expected arrays with it.*give  validation_data"),
        ({"batch_size": 8}, "batch_size: expected arrays with it"),
        ({"y": Y}, "y: expected arrays with it"),
        ({"sample_weight": np.ones(48)}, "sample_weight: expected arrays with it"),
    ):
        for augmentation in (None, lambda x: x):
            with pytest.raises(nbkeras.Refusal, match=words):
                nbkeras.fine_tune(make(), kinds[0][0], augmentation=augmentation, quiet=True, **options)
