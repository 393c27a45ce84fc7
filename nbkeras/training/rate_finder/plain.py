"""The range test as plain Keras."""

from __future__ import annotations

_CODE = '''\
import math

import {keras}
import numpy as np


class RangeTest({keras}.callbacks.Callback):
    """Raises the learning rate from batch to batch, and keeps the smooth loss at each."""

    def __init__(self, rates):
        super().__init__()
        self.planned, self.rates, self.smoothed, self.average = rates, [], [], 0.0

    def on_train_batch_begin(self, batch, logs=None):
        self.model.reset_metrics()
        self.model.optimizer.learning_rate = self.planned[len(self.rates)]

    def on_train_batch_end(self, batch, logs=None):
        self.average = {smoothing} * self.average + (1 - {smoothing}) * logs["loss"]
        smooth = self.average / (1 - {smoothing} ** (len(self.rates) + 1))
        lowest = min([*self.smoothed, smooth])
        if not math.isfinite(smooth) or smooth > lowest + 3 * abs(lowest):
            self.model.stop_training = True
            return
        self.rates.append(self.planned[len(self.rates)])
        self.smoothed.append(smooth)
        self.model.stop_training = len(self.rates) == len(self.planned)


# Only weights and optimizer are put back here; random numbers and shuffling go on from the test.
{model}.optimizer.build({model}.trainable_variables)
weights, rate = {model}.get_weights(), float({model}.optimizer.learning_rate.numpy())
slots = [np.array(each.numpy()) for each in {variables}]
test = RangeTest(np.geomspace({start:g}, {end:g}, {steps}).tolist())
{model}.fit({data}, epochs={steps}, verbose=0, callbacks=[test])
{model}.set_weights(weights)
for variable, value in zip({variables}, slots):
    variable.assign(value)
{model}.optimizer.learning_rate = rate

lowest = int(np.argmin(test.smoothed))
slopes = np.gradient(test.smoothed[: lowest + 1], np.log10(test.rates[: lowest + 1]))
print("steepest:", test.rates[int(np.argmin(slopes))], "a tenth of the minimum:", test.rates[lowest] / 10)
'''


def plain_code(
    model: str,
    x: str,
    y: str | None,
    *,
    keras: str,
    batch_size: int | None,
    start: float,
    end: float,
    steps: int,
    smoothing: float,
) -> str:
    """Return plain Keras code that tests rising learning rates and puts weights and optimizer back.

    Args:
        model: the variable that holds the model.
        x: the variable that holds its data.
        y: the variable that holds its targets, None for none.
        keras: the module of the Keras line.
        batch_size: samples in a batch of arrays, None for Keras's own.
        start: the first rate.
        end: the last one.
        steps: how many.
        smoothing: the weight of earlier losses.
    """
    data = ", ".join(filter(None, [x, y, f"batch_size={batch_size}" if batch_size else ""]))
    return _CODE.format(
        model=model,
        data=data,
        keras=keras,
        start=start,
        end=end,
        steps=steps,
        smoothing=smoothing,
        variables=f"{model}.optimizer.variables",
    )
