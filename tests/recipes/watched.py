"""What the optimizers of a recipe's code did: the weights when each began, and which ones it was given."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Began:
    """An optimizer's first step: itself, all weights just before, and those that it has been given since."""

    optimizer: object
    weights: dict
    given: set = field(default_factory=set)

    def value(self, weight):
        """Return what a weight was when this optimizer began."""
        return self.weights[id(weight)]

    def values(self, layer):
        """Return what a layer's weights were when this optimizer began."""
        return [self.value(weight) for weight in layer.weights]


def watch(variables, names=("model",)):
    """Watch all optimizers from now on; the list that comes back grows by each that begins.

    The weights are those of the variables so named, at the time. Steps are seen while they are traced, so
    that a weight is ``given`` also when its gradient is nothing.
    """
    import tensorflow as tf
    from tensorflow import keras

    end()
    kind, name = keras.optimizers.Optimizer, _method()
    plain = getattr(kind, name)
    began = []

    def step(self, *arguments, **options):
        given = list(arguments[0])
        if name == "apply":
            chosen = arguments[1] if len(arguments) > 1 else self._trainable_variables
        else:
            chosen = [weight for _, weight in given]
            arguments = (given, *arguments[1:])
        first = next((each for each in began if each.optimizer is self), None)
        if first is None:
            with tf.init_scope():
                now = {
                    id(w): w.numpy() for each in names if each in variables for w in variables[each].weights
                }
            first = Began(self, now)
            began.append(first)
        first.given |= {id(weight) for weight in chosen}
        return plain(self, *arguments, **options)

    step.plain = plain
    setattr(kind, name, step)
    return began


def end():
    """Watch no longer; a recipe that failed before it came to this is ended by the next one that watches."""
    from tensorflow import keras

    kind, name = keras.optimizers.Optimizer, _method()
    setattr(kind, name, getattr(getattr(kind, name), "plain", getattr(kind, name)))


def _method():
    """Name the method through which each step of an optimizer goes."""
    from tensorflow import keras

    return "apply" if hasattr(keras.optimizers.Optimizer, "apply") else "apply_gradients"


def inner(model, path):
    """Return the layer that a path such as ``outer/inner`` names."""
    for part in path.split("/"):
        model = model.get_layer(part)
    return model
