"""Writes what ``--seed`` does as plain Keras: the seeds, and arrays with an order of their own each epoch."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nbkeras.training.code_edits import Edit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbkeras.training.code_edits import Source

SEEDS = """\
tf.config.experimental.enable_op_determinism()
keras.utils.set_random_seed({seed})
tf.random.set_global_generator(tf.random.Generator.from_seed({seed}))
"""
# As in nbkeras.data.ordered, with the same random numbers.
IN_ORDER = '''\
def in_order(x, y, batch_size, seed, part=1.0):
    """Make batches of the first part of arrays: an order of its own each epoch, the same in each run."""
    count = int(len(x) * part)
    arrays = [tf.convert_to_tensor(each) for each in (x, y) if each is not None]
    arrays = [tf.cast(each, keras.backend.floatx()) if each.dtype.is_floating else each for each in arrays]

    def rows(key):
        order = tf.random.experimental.stateless_shuffle(tf.range(count), seed=[key, 0])
        return tf.data.Dataset.from_tensor_slices(order).batch(batch_size)

    keys = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True).take(1)
    batches = keys.flat_map(rows).map(lambda rows: tuple(tf.gather(each, rows) for each in arrays))
    return batches.apply(tf.data.experimental.assert_cardinality(-(-count // batch_size)))
'''
COUNTED = "orders = itertools.count({seed})  # each fit has orders of its own\n"
NAMES = (ast.Name, ast.Attribute, ast.Subscript)
_KEPT_BY_KERAS = ("sample_weight", "class_weight", "steps_per_epoch")


@dataclass(slots=True)
class Order:
    """The changes of one call of ``fit`` that give its arrays an order, or why there are none."""

    edits: list[Edit] = field(default_factory=list)
    new: list[str] = field(default_factory=list)
    comment: str | None = None


def order_of(
    given: Mapping[str, ast.expr | None],
    values: Mapping[str, Any],
    source: Source,
    *,
    seed: str,
    size: int,
    around: tuple[str, str] = ("", ""),
) -> Order:
    """Write the order of one call.

    Args:
        given: the call's arguments as they stand in the text, None for those that stand elsewhere.
        values: what is known of them.
        source: the cell's text.
        seed: the expression of the order's seed.
        size: samples in a batch where the call does not say.
        around: what stands before and behind the data. Default: nothing.
    """
    x, y = given.get("x"), given.get("y")
    if values.get("shuffle", True) in (False, None):
        return Order()
    other = [name for name in _KEPT_BY_KERAS if values.get(name) is not None]
    other += [
        name for name in ("x", "y", "shuffle", "validation_split") if name in given and given[name] is None
    ]
    if values.get("shuffle", True) is not True:
        other.append("shuffle")
    split = given.get("validation_split")
    if values.get("validation_data") is not None or values.get("validation_split") in (0, 0.0, None):
        split = None
    if split is not None and not (isinstance(x, NAMES) and (y is None or isinstance(y, NAMES))):
        other.append("validation_split")
    several = any(isinstance(values.get(name), (dict, list, tuple)) for name in ("x", "y"))
    if x is None or isinstance(x, (ast.List, ast.Tuple, ast.Dict)) or several or other:
        said = ", ".join(dict.fromkeys(other)) or "its data"
        what = f"the order of each epoch (seed={seed})"
        missing = f"--pad and {what} are" if around[0] else f"{what} is"
        return Order(comment=f"{missing} not written, because of {said}")
    order = Order()
    batch = _text(given.get("batch_size")) if values.get("batch_size") is not None else str(size)
    texts = [_text(x), _text(y), f"batch_size={batch}", f"seed={seed}"]
    if split is not None:
        texts.append(f"part=1.0 - {_text(split)}")
        at = f"int(len({_text(x)}) * (1.0 - {_text(split)}))"
        held = [f"{_text(each)}[{at}:]" for each in (x, y) if each is not None]
        order.new.append(
            f"validation_data=({', '.join(held)},)" if y is None else f"validation_data=({', '.join(held)})"
        )
        order.edits.append(Edit(source.start(split), source.end(split), "0.0"))
    before, behind = around
    order.edits.append(Edit(source.start(x), source.end(x), f"{before}in_order({', '.join(texts)}){behind}"))
    if y is not None:
        order.edits.append(Edit(source.start(y), source.end(y), "None"))
    shuffle = given.get("shuffle")
    if shuffle is None:
        order.new.append("shuffle=False")
    else:
        order.edits.append(Edit(source.start(shuffle), source.end(shuffle), "False"))
    return order


def _text(node: ast.expr | None) -> str:
    return "None" if node is None else ast.unparse(node)
