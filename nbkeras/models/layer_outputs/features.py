"""`layer_outputs`: what layers inside a model put out, for any amount of data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np

from nbkeras.devices.placing.inner_losses import kept_losses
from nbkeras.devices.placing.kept_state import kept_randomness, kept_variables
from nbkeras.models.input_batches import InputBatches
from nbkeras.models.layer_outputs.choosing import chosen_layers
from nbkeras.models.layer_outputs.recording import recorded
from nbkeras.models.row_files import RowWriter, StoredRows
from nbkeras.runtime.keras_lines import is_model, keras_module, line_of
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    import os

_MIB = 1 << 20


class Features(Mapping[str, Any]):
    """Outputs of layers by name, a row for each sample: arrays, or rows in an HDF5 file.

    Attributes:
        kinds: the class of each output's layer, by the output's name.
    """

    def __init__(self, outputs: Mapping[str, Any], kinds: Mapping[str, str]) -> None:
        """Hold outputs."""
        self._outputs, self.kinds = dict(outputs), dict(kinds)

    def __getitem__(self, name: str) -> Any:
        """Return the outputs of one layer."""
        return self._outputs[name]

    def __iter__(self) -> Iterator[str]:
        """Yield the names, in the order in which the layers were asked for."""
        return iter(self._outputs)

    def __len__(self) -> int:
        """Return how many outputs there are."""
        return len(self._outputs)

    def __repr__(self) -> str:
        """Return a line for each output."""
        lines = []
        for name, each in self.items():
            where = f" in {each.path}" if isinstance(each, StoredRows) else ""
            size = int(np.prod(each.shape)) * each.dtype.itemsize / _MIB
            lines.append(f"{name}  {self.kinds[name]}  {each.dtype} {each.shape}  {size:.1f} MiB{where}")
        return "\n".join(lines)


def layer_outputs(
    model: Any,
    layers: Any,
    x: Any,
    *,
    to: str | os.PathLike[str] | None = None,
    batch_size: int = 32,
    memory: int = 1 << 30,
) -> Features:
    """Return what layers put out in inference, and the classes of the layers; see `nbkeras.features`."""
    line = line_of(model) if is_model(model) else None
    if line is None:
        raise Refusal(f"features: expected a model, received {type(model).__name__}: give a Keras model")
    if not model.built:
        raise Refusal(
            f"features: expected a model with variables, received {model.name!r}, which has none yet: call it "
            "once, as in  model(x[:2])"
        )
    import tensorflow as tf

    chosen = chosen_layers(model, layers)
    kind_of = {each.path: type(each.layer).__name__ for each in chosen}
    batches = InputBatches(x, batch_size, line, "features")
    call = recorded(model, keras_module(line).layers.Layer, chosen)
    # AutoGraph would turn the refusals into errors of its own.
    function = tf.function(call, autograph=False, reduce_retracing=True)
    with ExitStack() as stack:
        stack.enter_context(kept_losses(model))
        stack.enter_context(kept_randomness())
        writer = stack.enter_context(RowWriter(to, memory))
        names: list[str] = []
        for inputs, *_ in batches:
            if not names:
                stack.enter_context(kept_variables(_traced(function, inputs, model)))
            outputs = function(inputs)
            rows = int(tf.nest.flatten(inputs)[0].shape[0])
            for name, each in outputs.items():
                if each.shape.rank == 0 or int(each.shape[0]) != rows:
                    raise Refusal(
                        f"features: expected a row for each of {rows} samples, received {name!r} of shape "
                        f"{tuple(each.shape)}: leave it out"
                    )
            names = list(outputs)
            writer.append(outputs)
        if not names:
            raise Refusal("features: expected data, received none: give at least one sample")
        found = writer.finish()
    return Features({name: found[name] for name in names}, {name: _kind(name, kind_of) for name in names})


def _traced(function: Any, inputs: Any, model: Any) -> Any:
    try:
        return function.get_concrete_function(inputs)
    except Refusal:
        raise
    except Exception as error:
        told = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise Refusal(
            f"features: expected inputs of {model.name!r}, received some that it can't compute "
            f"({told.strip()[:120]}): give what  model.predict  takes"
        ) from error


def _kind(name: str, kind_of: Mapping[str, str]) -> str:
    # An output's name begins with its layer's path, and the longest of these is meant.
    return kind_of[max((path for path in kind_of if name.startswith(path)), key=len)]
