from __future__ import annotations

import pytest

from nbkeras.runs import metrics

HIGH = """
accuracy acc val_accuracy binary_accuracy sparse_categorical_accuracy accuracy_1 head_a_accuracy
auc val_auc_2 AUC precision precision_at_recall recall sensitivity_at_specificity f1 f1_score
fbeta_score iou io_u binary_io_u one_hot_mean_io_u meanIoU mean_iou r2 r2_score top_k
top_k_categorical_accuracy sparse_top_k_categorical_accuracy top_5 val_top_5 cosine_similarity
dice_coefficient true_positives psnr BinaryAccuracy pearson_correlation
"""

LOW = """
loss val_loss head_a_loss accuracy_loss mse mae mean_squared_error root_mean_squared_error
binary_crossentropy kl_divergence categorical_hinge logcosh false_positives false_negatives
precision_error word_error_rate poisson perplexity my_metric val_ learning_rate mapper
"""


@pytest.mark.parametrize("name", HIGH.split())
def test_better_when_high(name):
    assert metrics.direction(name) == "max"


@pytest.mark.parametrize("name", LOW.split())
def test_better_when_low(name):
    assert metrics.direction(name) == "min"


@pytest.mark.parametrize(
    ("name", "group", "split"),
    [
        ("loss", "loss", "train"),
        ("val_loss", "loss", "validation"),
        ("val_val_loss", "val_loss", "validation"),
        ("val_", "val_", "train"),
        ("value", "value", "train"),
    ],
)
def test_group_and_split(name, group, split):
    assert (metrics.group(name), metrics.split(name)) == (group, split)


def test_a_learning_rate_is_not_ranked():
    assert not metrics.ranked("learning_rate")
    assert not metrics.ranked("lr")
    assert metrics.ranked("val_loss")
