"""Which weights an optimizer leaves out of its weight decay: what its configuration does not have."""

from __future__ import annotations

from typing import Any

# Keras 3's and tf_keras's; what is worked out from them is not among them.
_NAMES = (
    "_exclude_from_weight_decay",
    "_exclude_from_weight_decay_pattern",
    "_exclude_from_weight_decay_names",
)


def leave_out_the_same(optimizer: Any, like: Any) -> None:
    """Let a new optimizer leave out what ``exclude_from_weight_decay`` was told of another one.

    Args:
        optimizer: new, not built yet.
        like: of the same Keras line.
    """
    for name in _NAMES:
        value = getattr(like, name, None)
        if value:
            # No copy: neither line changes what it holds.
            setattr(optimizer, name, value)
