"""Compiles a head as its whole model is compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbkeras.runtime.keras_lines import is_compiled

if TYPE_CHECKING:
    from nbkeras.models.cached.splitting import Split


def compile_head(split: Split) -> None:
    """Give the head the whole model's optimizer itself, its loss and its metrics.

    The optimizer's state, such as Adam's moments, goes on in both. A model that is not compiled has a head
    that is not.
    """
    model = split.model
    if not is_compiled(model):
        return
    with model.distribute_strategy.scope():
        split.head.compile(
            optimizer=model.optimizer,
            loss=model.loss,
            run_eagerly=model.run_eagerly,
            **(_of_keras_3(model) if split.line == "keras" else _of_tf_keras(model)),
        )


# What the user gave has no public names on either line (Keras 3.15, tf_keras 2.21).
def _of_keras_3(model: Any) -> dict[str, Any]:
    losses, metrics = model._compile_loss, model._compile_metrics  # noqa: SLF001 - see above
    return {
        "loss_weights": getattr(losses, "_user_loss_weights", None),
        "metrics": getattr(metrics, "_user_metrics", None),
        "weighted_metrics": getattr(metrics, "_user_weighted_metrics", None),
        "jit_compile": model.jit_compile,
        "steps_per_execution": model.steps_per_execution,
        # The optimizer has its loss scale already.
        "auto_scale_loss": False,
    }


def _of_tf_keras(model: Any) -> dict[str, Any]:
    losses, metrics = model.compiled_loss, model.compiled_metrics
    at_once = getattr(model, "_steps_per_execution", None)
    return {
        "loss_weights": getattr(losses, "_user_loss_weights", None),
        "metrics": getattr(metrics, "_user_metrics", None),
        "weighted_metrics": getattr(metrics, "_user_weighted_metrics", None),
        "jit_compile": getattr(model, "_jit_compile", None),
        "steps_per_execution": 1 if at_once is None else int(at_once.numpy()),
    }
