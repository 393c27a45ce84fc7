"""The range test as plain Keras."""

from __future__ import annotations

_CODE = '''\
import math
from bisect import bisect_left

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
        if not math.isfinite(logs["loss"]):
            self.model.stop_training = True
            return
        self.rates.append(self.planned[len(self.rates)])
        self.average = {smoothing} * self.average + (1 - {smoothing}) * logs["loss"]
        self.smoothed.append(self.average / (1 - {smoothing} ** len(self.rates)))
        lowest = min(self.smoothed)
        if self.smoothed[-1] > lowest + 3 * abs(lowest) or len(self.rates) == len(self.planned):
            self.model.stop_training = True


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

# At the beginning the average has little to go by, at the end the loss has diverged.
rates, losses = test.rates[{first}:-5], np.array(test.smoothed[{first}:-5])
# The longest part of the losses that falls, not necessarily neighbours: the lowest last loss of each length.
ends, end, length = [], 0, 0
for place, loss in enumerate(losses):
    at = bisect_left(ends, -loss)
    ends[at : at + 1] = [-loss]
    if at + 1 > length:
        end, length = place, at + 1
length = min(length, end)
away = max(1, len(losses) // 20)
suggestions = {{
    "valley": rates[end - length + length // 3 + length // 6],
    "steepest": rates[away + int(np.argmin(losses[2 * away :] - losses[: -2 * away]))],
    "minimum/10": rates[int(np.argmin(losses))] / 10,
}}
print(suggestions)
'''


def plain_code(
    model: str,
    x: str,
    y: str | None,
    *,
    keras: str,
    batch_size: int | None,
    sample_weight: str | None = None,
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
        sample_weight: the variable that holds weights of the samples, None for none.
        start: the first rate.
        end: the last one.
        steps: how many.
        smoothing: the weight of earlier losses.
    """
    weights = f"sample_weight={sample_weight}" if sample_weight else ""
    data = ", ".join(filter(None, [x, y, weights, f"batch_size={batch_size}" if batch_size else ""]))
    return _CODE.format(
        model=model,
        data=data,
        keras=keras,
        start=start,
        end=end,
        steps=steps,
        smoothing=smoothing,
        first=steps // 10,
        variables=f"{model}.optimizer.variables",
    )
