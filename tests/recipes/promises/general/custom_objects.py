"""The loaded model has the custom thing with its settings, and it is by its registration that it has it."""

import numpy as np
import pytest


def allowed(values):
    """Passing is the same for all kinds: two of them will do."""
    return values["how"] == "register" or values["kind"] in {"layer", "activation"}


def kept(values, variables, line):
    from tensorflow import keras

    model, loaded, custom = variables["model"], variables["loaded"], variables[values["custom"]]
    assert loaded is not model
    x = variables["x"]
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))
    if values["kind"] == "activation":
        assert loaded.layers[-1].activation is custom
    elif values["kind"] == "layer":
        assert isinstance(loaded.layers[-1], custom)
        assert loaded.layers[-1].units == 1
    elif values["kind"] == "loss":
        assert isinstance(loaded.loss, custom)
        assert loaded.loss.power == 3.0
    else:
        assert isinstance(loaded, custom)
        assert loaded.units == 16

    registered = keras.utils.get_custom_objects()
    name = f"{values['package']}>{values['custom']}"
    if values["how"] == "register":
        # It is the registration that makes the file loadable.
        assert registered.pop(name) is custom
    assert name not in registered
    with pytest.raises((TypeError, ValueError, AttributeError)):
        keras.models.load_model(values["path"])
