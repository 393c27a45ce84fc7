"""The model and the data that a magic's line names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbkeras.magics.grammar import Option
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

# The options of a grammar whose values `Held.of` takes.
HELD = (
    Option("MODEL", "The variable that holds the compiled model.", complete="model"),
    Option("DATA", "Its inputs and targets, or a dataset.", complete="variable", many=True),
    Option("--sample-weight", "The variable that holds weights of the samples.", "NAME", complete="variable"),
)
_MOST = 2


@dataclass(frozen=True, slots=True)
class Held:
    """What the variables hold that stand on a line: a model, its inputs, its targets.

    Attributes:
        names: of the model, the inputs and the targets, None for what is not named.
        data: what they hold.
        weights: the weights of samples, None for none.
        weights_name: the variable that holds them.
    """

    names: tuple[str, str, str | None]
    data: tuple[Any, Any, Any]
    weights: Any
    weights_name: str | None

    @classmethod
    def of(cls, values: Mapping[str, Any], variables: Mapping[str, Any], *, magic: str) -> Held:
        """Look the variables up.

        Args:
            values: of a grammar with MODEL, DATA and ``--sample-weight``.
            variables: the notebook's.
            magic: its name, for refusals.

        Raises:
            Refusal: for names that are missing, too many, or no variables.
        """
        model, data = values["model"], values["data"]
        if model is None or not 1 <= len(data) <= _MOST:
            received = " ".join(filter(None, [model, *data])) or "nothing"
            raise Refusal(
                f"expected a model, its inputs and its targets, received {received}: type  {magic} model x y"
            )
        names = (model, data[0], data[1] if len(data) == _MOST else None)
        weights = values["sample_weight"]
        for name in filter(None, (*names, weights)):
            if name not in variables:
                raise Refusal(f"expected a variable of the notebook, received {name!r}: %who shows them")
        held = tuple(None if name is None else variables[name] for name in names)
        value = None if weights is None else variables[weights]
        return cls(names, (held[0], held[1], held[2]), value, weights)
