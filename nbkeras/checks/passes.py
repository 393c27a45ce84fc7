"""How often a ``fit`` begins with its data anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbkeras.runtime.keras_lines import Line

# As tf.data counts: tf.data.INFINITE_CARDINALITY and tf.data.UNKNOWN_CARDINALITY.
INFINITE, UNKNOWN = -1, -2


@dataclass(frozen=True, slots=True)
class Passes:
    """The iterators that a Keras line makes of the data of one ``fit``.

    Read in Keras 3.15 (``EpochIterator``) and tf_keras 2.21 (``DatasetAdapter.should_recreate_iterator``), as
    neither documents it.

    Attributes:
        line: the Keras line.
        batches: batches in the data, or what tf.data gives for infinite and for unknown ones.
        epochs: how many epochs are trained.
        steps: ``steps_per_epoch`` of the call, None where it has none.
        at_once: ``steps_per_execution`` of the model.
    """

    line: Line
    batches: int
    epochs: int
    steps: int | None = None
    at_once: int = 1

    @property
    def begin_anew(self) -> bool:
        """Whether a second iterator is made, with which seeded operations begin their numbers again."""
        if self.epochs < 2 or self.batches == INFINITE:  # noqa: PLR2004 - one epoch is one iterator
            return False
        if self.steps is None:
            return True
        if self.line == "tf_keras":
            return self.steps == self.batches
        # Keras 3 goes on with the iterator until it has seen all batches.
        return 0 < self.batches < self.steps * self.epochs

    @property
    def steps_in_one(self) -> int | None:
        """The ``steps_per_epoch`` with which ``dataset.repeat()`` trains the same steps in one iterator.

        None where no number does.
        """
        steps = self.batches if self.steps is None else self.steps
        if self.batches <= 0 or not 0 < steps <= self.batches or self.batches % steps:
            return None
        # The last call of an epoch would read on into the next one; tf_keras makes it shorter.
        return None if self.line == "keras" and steps % self.at_once else steps
