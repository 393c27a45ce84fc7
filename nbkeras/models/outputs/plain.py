"""Plain Keras code for the outputs of layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbkeras.models.graph_calls import graph_calls
from nbkeras.models.outputs.chosen import chosen
from nbkeras.models.outputs.features import traced
from nbkeras.runtime.keras_lines import is_model
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbkeras.models.outputs.chosen import Chosen

_EXTRACTOR = """\
extractor = keras.Model(
    {inputs},
    {{
{outputs}
    }},
)
"""
_RECORDING = """\
# These layers have no output in the graph of {model} alone: their calls are recorded.
layers = {{
{layers}
}}
{turned}

def extractor(inputs, training):
    found = {{}}

    def recording(name, call):
        def recorded(*args, **kwargs):
            found.setdefault(name, []).append(call(*args, **kwargs))
            return found[name][-1]

        return recorded

    for name, layer in layers.items():
        layer.call = recording(name, layer.call)
    try:
        {model}(inputs, training=training)
    finally:
        for layer in layers.values():
            del layer.call
    # A layer may be called several times, and return several tensors.
    return {{
        name + (f"#{{use}}" if len(calls) > 1 else "") + (f":{{at}}" if len(parts) > 1 else ""): part
        for name, calls in found.items()
        for use, call in {uses}
        for parts in [tf.nest.flatten(call)]
        for at, part in enumerate(parts)
    }}
"""
_TURNED = """\
# Which use of a layer each of its calls is, as Keras computes them.
turned = {turned}
"""
_IN_TURN = "zip(turned.get(name, range(1, len(calls) + 1)), calls)"
_ARRAYS = """\
features = {{}}
{batches}
    for name, rows in extractor({batch}, training=False).items():
        features.setdefault(name, []).append(np.asarray(rows))
features = {{name: np.concatenate(rows) for name, rows in features.items()}}
"""
_FILE = """\
with h5py.File({to!r}, "w") as file:
    {batches}
        for name, rows in extractor({batch}, training=False).items():
            name, rows = name.replace("/", "."), np.asarray(rows)
            if name not in file:
                file.create_dataset(name, data=rows, maxshape=(None, *rows.shape[1:]))
            else:
                file[name].resize(len(file[name]) + len(rows), axis=0)
                file[name][-len(rows) :] = rows
"""


def plain_code(
    name: str, model: Any, layers: Sequence[Any], data: str, x: Any, to: str | None, batch_size: int
) -> str:
    """Return plain Keras code that gives the same outputs of layers.

    Args:
        name: the variable that holds the model.
        model: the model.
        layers: the layers, as `nbkeras.features` takes them.
        data: the variable that holds the data.
        x: the data.
        to: the HDF5 file, None for arrays.
        batch_size: samples at a time.

    Raises:
        Refusal: for inputs in a list, tuple or dict, for one of several uses of a layer, and as
            `nbkeras.features` does.
    """
    import tensorflow as tf

    if isinstance(x, (list, tuple, dict)):
        raise Refusal("--code: expected one array or a Dataset, received several inputs: give a Dataset")
    # What a pattern has meant and the model does not give is left out here, too.
    recorder = traced(model, layers, x, batch_size=batch_size, training=False)[0]
    wanted = [each for each in chosen(model, layers) if each.path not in recorder.left_out]
    one = next((each for each in wanted if each.use is not None), None)
    if one is not None:
        raise Refusal(
            f"--code: expected layers with all of their uses, received {one.path}#{one.use}: type  {one.path}"
        )
    batches = {
        "batches": f"for start in range(0, len({data}), {batch_size}):",
        "batch": f"{data}[start : start + {batch_size}]",
    }
    if isinstance(x, tf.data.Dataset):
        has_more = isinstance(x.element_spec, tuple)
        batches = {"batches": f"for batch{', *_' if has_more else ''} in {data}:", "batch": "batch"}
    if _is_in_the_graph(model, wanted):
        rows = "\n".join(f"        {each.path!r}: {name}.get_layer({each.path!r}).output," for each in wanted)
        inputs = f"{name}.inputs[0]" if len(model.inputs) == 1 else f"{name}.input"
        extractor = _EXTRACTOR.format(inputs=inputs, outputs=rows)
    else:
        rows = "\n".join(f"    {each.path!r}: {_reached(name, model, each)}," for each in wanted)
        turned = {path: uses for path, uses in recorder.turned.items() if path not in recorder.left_out}
        extractor = _RECORDING.format(
            model=name,
            layers=rows,
            turned=_TURNED.format(turned=turned) if turned else "",
            uses="zip(turned.get(name, range(1, len(calls) + 1)), calls)"
            if turned
            else "enumerate(calls, 1)",
        )
    tools = "from tensorflow import keras" if "keras." in extractor else "import tensorflow as tf"
    imports = [*["import h5py"] * (to is not None), "import numpy as np", tools]
    body = _FILE.format(to=to, **batches) if to is not None else _ARRAYS.format(**batches)
    return "\n".join([*imports, "", extractor, body])


def _is_in_the_graph(model: Any, wanted: Sequence[Chosen]) -> bool:
    """Tell whether each layer has one output in the graph of the model itself."""
    calls = graph_calls(model) or []
    for each in wanted:
        uses = [call for call in calls if call.layer is each.layer]
        if is_model(each.layer) or len(uses) != 1 or len(uses[0].outputs) != 1:
            return False
        # The first use of a layer may have been in another model.
        if each.layer.output is not uses[0].outputs[0]:
            return False
    return True


def _reached(name: str, model: Any, chosen: Chosen) -> str:
    text, holder = name, model
    for part in chosen.path.split("/"):
        inside = holder.layers if is_model(holder) else []
        if part not in [each.name for each in inside]:
            # In public, models alone tell what they hold.
            return f"next(each for each in {name}._flatten_layers() if each.name == {chosen.layer.name!r})"
        text += f".get_layer({part!r})"
        holder = holder.get_layer(part)
    return text
