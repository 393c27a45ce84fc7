"""What a model was before it was fine-tuned, and the way back to it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nbkeras.callbacks.backup.arrays_file import read_state, write_state
from nbkeras.callbacks.backup.durable import write_whole
from nbkeras.models.unfreezing import Flags
from nbkeras.runtime.keras_lines import is_model
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from nbkeras.models.recompiling import Compiled

_FILE = "before-fine-tuning.h5"
# Where a model keeps it: what is held anywhere else would outlive the model.
_HELD = "_nbkeras_before_fine_tuning"


class Before:
    """A model's weights, ``trainable`` flags and compilation as they were.

    Args:
        compiled: how the model is compiled.
    """

    def __init__(self, compiled: Compiled) -> None:
        """Read them; the weights are copied."""
        self._compiled = compiled
        self._flags = Flags(compiled.model)
        self._weights = [np.array(each) for each in compiled.model.get_weights()]
        # Those at this moment, where an earlier process has kept others to go back to.
        self._now = self._weights
        self._earlier = vars(compiled.model).get(_HELD)

    def hold(self) -> None:
        """Be what `undo` goes back to."""
        # Not as Keras does, which would track it.
        object.__setattr__(self._compiled.model, _HELD, self)

    def nothing_trained(self) -> None:
        """Give the model all of it again, and let `undo` go back to what it would have gone back to."""
        self._weights = self._now
        self.restore()
        object.__delattr__(self._compiled.model, _HELD)
        if self._earlier is not None:
            self._earlier.hold()

    def trained(self) -> None:
        """Let go what only `nothing_trained` needs."""
        self._now, self._earlier = self._weights, None

    def in_folder(self, folder: str, *, anew: bool, writes: bool) -> None:
        """Keep the weights beside the backups, or take those that an earlier process has kept there.

        Args:
            folder: where the first stage's backups are.
            anew: whether the training begins anew, and these weights are those before it.
            writes: whether it is this process that writes; another one does else, the same weights.
        """
        path = Path(folder).expanduser() / _FILE
        if path.exists() and not anew:
            kept = read_state(path)
            if [each.shape for each in kept] == [each.shape for each in self._weights]:
                self._weights = kept
            return
        if not writes:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, lambda aside: write_state(aside, self._weights))

    def restore(self) -> None:
        """Give the model all of it again: its optimizer, too, with what that had learned."""
        self._flags.restore()
        self._compiled.model.set_weights(self._weights)
        self._compiled.restore()


def can_be_undone(model: Any) -> bool:
    """Tell whether a model was fine-tuned in this process, and not given back yet."""
    return is_model(model) and _HELD in vars(model)


def undo_fine_tuning(model: Any) -> str:
    """Give a model the weights, flags and compilation that it had before its last fine-tuning.

    It does what ``undo`` of `nbkeras.fine_tune`'s result does, and is there for when an error or a second
    interrupt has ended the training, so that there is no result.

    Example:
        >>> import numpy as np, keras, nbkeras
        >>> base = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)], name="base")
        >>> model = keras.Sequential([base, keras.layers.Dense(2)], name="model")
        >>> model.compile("adam", "mse")
        >>> result = nbkeras.fine_tune(model, np.ones((8, 4)), np.ones((8, 2)), quiet=True)
        >>> nbkeras.undo_fine_tuning(model)
        'model: weights, trainable flags, optimizer and compile as before the fine-tuning'

    Args:
        model: of either Keras line, fine-tuned in this process.

    Returns:
        One line that says so.

    Raises:
        Refusal: when it was not fine-tuned in this process, or has been given back already.
    """
    before = vars(model).get(_HELD) if is_model(model) else None
    if before is None:
        raise Refusal(
            f"undo: expected a model that fine_tune has trained here, received "
            f"{getattr(model, 'name', model)!r}: load the weights from before"
        )
    before.restore()
    object.__delattr__(model, _HELD)
    return f"{model.name}: weights, trainable flags, optimizer and compile as before the fine-tuning"
