"""One call of ``fit``, ``evaluate`` or ``predict``: what its arguments say."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from nbkeras.runtime.keras_lines import is_compiled, line_of
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

CallKind = Literal["fit", "evaluate", "predict"]
# Keras's own default for arrays.
DEFAULT_BATCH_SIZE = 32


@dataclass(slots=True)
class Call:
    """A call of a model's method, with its arguments by name."""

    kind: CallKind
    method: Callable[..., Any]
    model: Any
    bound: inspect.BoundArguments

    @classmethod
    def of(cls, kind: CallKind, method: Callable[..., Any], model: Any, args: Any, kwargs: Any) -> Call:
        """Bind the arguments of a call as Python would.

        Raises:
            TypeError: for arguments that the method does not take, as Keras itself would.
        """
        return cls(kind, method, model, inspect.signature(method).bind(model, *args, **kwargs))

    def get(self, name: str, default: Any = None) -> Any:
        """Return an argument that the caller wrote, the default when there is none."""
        return self._place(name).get(name, default)

    def set(self, name: str, value: Any) -> None:
        """Write an argument into the call."""
        self._place(name)[name] = value

    def says(self, name: str) -> bool:
        """Tell whether the caller gave an argument that is not None."""
        return self.get(name) is not None

    def takes(self, name: str) -> bool:
        """Tell whether the method has this parameter at all."""
        return name in self.bound.signature.parameters or self._rest() is not None

    def run(self) -> Any:
        """Make the call."""
        __tracebackhide__ = True
        return self.method(*self.bound.args, **self.bound.kwargs)

    def _place(self, name: str) -> dict[str, Any]:
        # Somebody's wrapper around Keras's method may take *args, **kwargs alone.
        rest = self._rest()
        if name in self.bound.signature.parameters or rest is None:
            return self.bound.arguments
        place: dict[str, Any] = self.bound.arguments.setdefault(rest, {})
        return place

    def _rest(self) -> str | None:
        parameters = self.bound.signature.parameters.values()
        return next((p.name for p in parameters if p.kind is p.VAR_KEYWORD), None)

    @property
    def has_validation(self) -> bool:
        """Whether a ``fit`` will report ``val_…`` metrics."""
        return self.says("validation_data") or bool(self.get("validation_split"))

    @property
    def has_batches(self) -> bool:
        """Whether the data come in batches already (a dataset, PyDataset or generator)."""
        x = self.get("x")
        return _is_dataset(x) or hasattr(x, "__next__") or (hasattr(x, "__getitem__") and _is_sequence(x))

    @property
    def batch_size(self) -> int | None:
        """Samples in a batch, None when it cannot be told without reading data."""
        given = self.get("batch_size")
        if given is not None:
            return int(given)
        x = self.get("x")
        if _is_dataset(x):
            return size_of_batches(x)
        return None if self.has_batches or x is None else DEFAULT_BATCH_SIZE

    def refuse_if_not_compiled(self) -> None:
        """Refuse before training what Keras would refuse later with a longer text.

        Raises:
            Refusal: when the call needs a compiled model and the model is not.
        """
        if self.kind != "predict" and not is_compiled(self.model):
            text = (
                f"{self.kind}: expected a compiled model, received {self.model.name!r} without compile: "
                "type  model.compile(optimizer='adam', loss=…)  first"
            )
            raise Refusal(text)


def _is_dataset(x: Any) -> bool:
    return hasattr(x, "element_spec")


def _is_sequence(x: Any) -> bool:
    # keras.utils.PyDataset, its older name Sequence, and tf_keras's Sequence.
    names = {cls.__name__ for cls in type(x).__mro__}
    return bool(names & {"PyDataset", "Sequence"}) and line_of(x) is not None


def size_of_batches(dataset: Any) -> int | None:
    """Return the samples in a batch of a ``tf.data.Dataset``, None where that cannot be told."""
    spec = dataset.element_spec
    while isinstance(spec, (tuple, list, dict)) and spec:
        spec = next(iter(spec.values())) if isinstance(spec, dict) else spec[0]
    shape = getattr(spec, "shape", None)
    if shape is not None and shape.rank:
        size = shape[0]
        if size is not None:
            return int(size)
    # A batched dataset whose last batch is smaller has no static size. No public name tells it, an
    # attribute of the transformation does: the last one or one before it (prefetch, say).
    while dataset is not None:
        held = getattr(dataset, "_batch_size", None)
        if held is not None:
            return int(held)
        dataset = getattr(dataset, "_input_dataset", None)
    return None
