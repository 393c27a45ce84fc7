"""What a metric's name says: its group, its split, and which way is better."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from nbkeras.runs.vocabulary import Direction

VALIDATION = "val_"

# Matched against a name's words. A word of the first pattern settles it: "precision_loss" and
# "false_positives" are better low.
_LOW = re.compile(
    r"""\b(loss|error|mse|mae|mape|msle|rmse|hinge|entropy|crossentropy|divergence|perplexity
        |false|fid|brier)\b""",
    re.VERBOSE,
)
# Keras's snake_case makes "io u" of IoU.
_HIGH = re.compile(
    r"""\b(accuracy|acc|auc|auroc|auprc|precision|recall|sensitivity|specificity|f1|f2|fbeta
        |iou|io[ ]u|dice|jaccard|r2|kappa|mcc|map|ndcg|mrr|psnr|ssim|bleu|rouge|similarity
        |correlation|reward|score|true|top[ ](k|[0-9]+))\b""",
    re.VERBOSE,
)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NO_WORD = re.compile(r"[^a-z0-9]+")


def group(name: str) -> str:
    """Name the chart that a metric belongs to: its name without "val_".

    Example:
        >>> from nbkeras.runs import metrics
        >>> metrics.group("val_accuracy")
        'accuracy'

    """
    return name[len(VALIDATION) :] or name if name.startswith(VALIDATION) else name


def split(name: str) -> Literal["train", "validation"]:
    """Tell a metric of the training data from one of the validation data."""
    return "train" if group(name) == name else "validation"


@lru_cache(maxsize=1024)
def direction(name: str) -> Direction:
    """Tell whether a high or a low value of a metric is the better one.

    The name decides: words such as accuracy, auc, precision, recall, f1, iou
    mean high, and everything else, losses and errors above all, means low.

    Example:
        >>> from nbkeras.runs import metrics
        >>> metrics.direction("val_binary_accuracy"), metrics.direction("val_loss")
        ('max', 'min')

    """
    return told(name) or "min"


def told(name: str) -> Direction | None:
    """Tell which way is better as far as a metric's name says it: None for a name that says nothing.

    Example:
        >>> from nbkeras.runs import metrics
        >>> metrics.told("val_auc"), metrics.told("wobble")
        ('max', None)

    """
    words = _NO_WORD.sub(" ", _HUMP.sub(" ", group(name)).lower())
    if _LOW.search(words):
        return "min"
    return "max" if _HIGH.search(words) else None


def ranked(name: str) -> bool:
    """Tell whether a metric has a best value at all: a learning rate has none."""
    return group(name) not in {"learning_rate", "lr"}
