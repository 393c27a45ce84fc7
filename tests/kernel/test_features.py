"""`%features`, `%probe` and `%pretrained` in a real kernel: what is shown, kept and refused."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.kernel

MODEL = """
import keras, numpy as np
x = np.random.default_rng(0).normal(size=(20, 6, 6, 3)).astype("float32")
y = np.arange(20) % 2
layers = [keras.Input((6, 6, 3)), keras.layers.Conv2D(4, 3, name="conv"), keras.layers.Flatten()]
model = keras.Sequential([*layers, keras.layers.Dense(2, activation="softmax", name="end")])
model.compile("sgd", "sparse_categorical_crossentropy")
"""


@pytest.fixture(scope="module")
def kernel(shared_kernel):
    assert shared_kernel.run(MODEL)["status"] == "ok", shared_kernel.text()
    return shared_kernel


def shown(kernel, kind):
    """Return the HTML and the text of the one output of a kind, which no stream goes with."""
    (output,) = kernel.outputs(kind)
    assert kernel.text() == ""
    return output["data"]["text/html"], output["data"]["text/plain"]


def test_what_is_shown_and_what_a_variable_keeps(kernel):
    kernel.run("%features model conv end x")
    html, text = shown(kernel, "execute_result")
    assert "Feature maps of conv: 4 of 4 channels" in html
    assert "conv" in text
    kernel.run("found = %features model conv end x --to kept.h5")
    assert [m["msg_type"] for m in kernel.messages if m["msg_type"] not in {"status", "execute_input"}] == []
    assert kernel.value("found['end'][y == 1].shape") == (10, 2)
    kernel.run("found.show(sample=3)")
    assert "sample 3" in shown(kernel, "display_data")[0]

    kernel.run("%probe model x y --saliency")
    html, text = shown(kernel, "display_data")
    assert "pixels move the score" in html
    assert {"conv", "end"} <= {line.split()[0] for line in text.splitlines()}
    kernel.run("%%probe model x y\nhistory = model.fit(x, y, verbose=0)\nlen(history.history)")
    assert "gradient before" in shown(kernel, "display_data")[1]
    assert kernel.outputs("execute_result")[0]["data"]["text/plain"] == "1"

    kernel.run("%pretrained")
    assert "MobileNetV2" in shown(kernel, "display_data")[0]


def test_mistakes_and_errors_of_the_cell_are_themselves(kernel):
    for line, words in {
        "%features model cnv x": "UsageError: %features: expected a layer of ",
        "%probe model y x": "UsageError: %probe: expected data of ",
        "%pretrained MobilNetV2": "UsageError: %pretrained: ",
    }.items():
        kernel.run(line)
        assert words in kernel.text()
        assert kernel.outputs("error") == kernel.outputs("display_data") == []
    kernel.run("%%probe model x y\n1 / 0")
    assert kernel.outputs("error")[0]["ename"] == "ZeroDivisionError"
