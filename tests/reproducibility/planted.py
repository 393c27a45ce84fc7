"""Cells with one planted cause each, and clean ones; they run after `SETUP`."""

from __future__ import annotations

SETUP = """
import importlib, random, time
import numpy as np, tensorflow as tf
keras = importlib.import_module({line!r})
x = np.random.default_rng(0).random((64, 8)).astype("float32")
y = x.sum(axis=1)
seen = []
"""
# What a fresh kernel is like: nothing is seeded.
UNSEEDED = "tf.random.set_seed(None); random.seed(); np.random.seed(None)"
SEED = "keras.utils.set_random_seed(1)\n"
MODEL = """model = keras.Sequential([keras.layers.Input((8,)), keras.layers.Dense(8), keras.layers.Dense(1)])
model.compile("adam", "mse")
"""
# Its first weights need no random number.
ONES = """model = keras.Sequential([
    keras.layers.Input((8,)),
    keras.layers.Dense(8, kernel_initializer="ones"),
    keras.layers.Dropout(0.5),
    keras.layers.Dense(1, kernel_initializer="ones"),
])
model.compile("sgd", "mse")
"""
FIT = "history = model.fit(x, y, epochs=2, verbose=0)"

# The cause by its name -> the cell.
PLANTED = {
    "hash order": SEED
    + MODEL
    + """
words = ["some", "words", "whose", "hashes", "differ", "in", "each", "new", "process", "of", "Python"]
vocabulary = {word: place for place, word in enumerate(set(words))}
numbers = np.array([vocabulary[word] for word in words[:8]])
history = model.fit(x * numbers, y, epochs=2, verbose=0)
""",
    "unseeded NumPy": SEED
    + MODEL
    + """
def batches():
    rng = np.random.default_rng()
    for at in range(0, 64, 16):
        yield x[at : at + 16] + rng.normal(size=(16, 8)), y[at : at + 16]
signature = (tf.TensorSpec((None, 8)), tf.TensorSpec((None,)))
data = tf.data.Dataset.from_generator(batches, output_signature=signature)
history = model.fit(data, epochs=2, verbose=0)
""",
    # TensorFlow 2.21 joins a map and a batch right after it, and keeps the order then: the map comes last.
    "unordered parallel map": SEED
    + MODEL
    + """
def slow(a, b):
    def wait(values):
        time.sleep(random.SystemRandom().choice([0, 0.02]))
        return values
    return tf.ensure_shape(tf.numpy_function(wait, [a], tf.float32, stateful=False), (None, 8)), b
data = tf.data.Dataset.from_tensor_slices((x, y)).batch(4)
data = data.map(slow, num_parallel_calls=4, deterministic=False)
history = model.fit(data, epochs=2, verbose=0)
""",
    "dropout without a seed": ONES + FIT.replace("verbose=0", "verbose=0, shuffle=False"),
    "clock": "seed = time.time_ns() % 2**31\nkeras.utils.set_random_seed(seed)\n" + MODEL + FIT,
    "leftover state": SEED + MODEL + "seen.append(1)\n" + FIT.replace("fit(x,", "fit(x * len(seen),"),
    "thread race": SEED
    + MODEL
    + """
from concurrent.futures import ThreadPoolExecutor
rows = []
def load(row):
    time.sleep(0.0005 * random.SystemRandom().randrange(8))
    rows.append(row)
with ThreadPoolExecutor(8) as pool:
    list(pool.map(load, range(64)))
history = model.fit(x[rows], y[rows], epochs=2, verbose=0, shuffle=False)
""",
    "unseeded augmentation": ONES.replace("Dropout(0.5)", "Activation('linear')")
    + """
def noisy(a, b):
    return a + tf.random.normal(tf.shape(a)), b
data = tf.data.Dataset.from_tensor_slices((x, y)).batch(16).map(noisy)
history = model.fit(data, epochs=2, verbose=0)
""",
}

# Cells that give the same again, with things in them that look suspicious and are not.
CLEAN = {
    "dropout, a measured time, a list of results, a metric with a counter": SEED
    + ONES.replace('"mse"', '"mse", metrics=[keras.metrics.AUC()]').replace("y)", "y > 4)")
    + "start = time.time()\nhistory = model.fit(x, y > 4, epochs=2, verbose=0)\n"
    + "seen.append(history.history)\nprint(f'{time.time() - start:.1f}s', sorted(set('words')))",
    "a shuffled dataset, a seeded generator, a folder named by the time": SEED
    + MODEL
    + "rng = np.random.default_rng(1)\nfolder = f'logs-{time.time()}'\n"
    + "data = tf.data.Dataset.from_tensor_slices((x + rng.normal(size=x.shape), y)).shuffle(64).batch(16)\n"
    + "history = model.fit(data, epochs=2, verbose=0)\n",
    "two trainings, one of them by %%fit": "%%fit --epochs 2 --quiet\n"
    + SEED
    + MODEL
    + "model.fit(x, y)\nmodel.evaluate(x, y)\nmodel.fit(x, y);",
}

# Results beside fit: the cell, how the verdict begins, and what it says.
AFTER = {
    "a number after the training": (
        SEED + MODEL + FIT + "\nscore = float(np.random.default_rng().random())",
        "Not the same",
        "First difference: the variables at the end: score: 0.",
    ),
    "the value of the last line": (
        SEED + MODEL + FIT + "\nnp.random.default_rng().random()",
        "Not the same",
        "Most probable cause: unseeded NumPy: line ",
    ),
    "a model that a loop trains on": (
        SEED + MODEL + FIT + "\nmodel.train_on_batch(x * np.random.default_rng().random(), y)",
        "Not the same",
        "First difference: the variables at the end: model (model of ",
    ),
    "a loop of one's own": (
        MODEL + "for _ in range(3):\n    model.train_on_batch(x, y)",
        "Not the same",
        "Most probable cause: nothing is seeded: no line seeds the generators of ",
    ),
    "a loop that gives the same": (
        SEED + MODEL + "start = time.time()\nmodel.train_on_batch(x, y)\ntook = time.time() - start",
        "The same: 2 runs in this kernel gave the same bits in 3 variables\n",
        "from the clock or the system, not counted: start, took",
    ),
    "prints": (
        "print(random.random())",
        "Nothing to compare: 2 runs in this kernel trained nothing with fit and left no variable",
        "Give a name to what is to be compared",
    ),
    "a figure": (
        SEED + MODEL + FIT + "\nfigure = object()",
        "The same: ",
        "Not compared: what the cell prints, draws and writes; figure (object).",
    ),
}

# What the longer list of cells needs.
MORE_SETUP = """
import datetime, os, queue, secrets, threading
from numpy.random import default_rng
from time import time as now
layers = keras.layers
state, counter = {"n": 0}, iter(range(1000))
class Settings:
    rate = 0.01
settings = Settings()
base = keras.Sequential([layers.Input((8,)), layers.Dense(4)])
def jitter():
    return int.from_bytes(os.urandom(1), "big") % 8 * 0.003
"""
_ONES = ONES.replace("Dropout(0.5)", "%s")
_UNSHUFFLED = FIT.replace("verbose=0", "verbose=0, shuffle=False")
_NEW = "--runs 1 --fresh-kernel"


def _fit(data: str) -> str:
    return FIT.replace("fit(x,", f"fit({data},")


MORE = [
    ("unseeded NumPy", SEED + MODEL + "rng = default_rng(None)\n" + _fit("x + rng.standard_normal(x.shape)")),
    (
        "unseeded NumPy",
        SEED + MODEL + "rng = np.random.Generator(np.random.PCG64())\n" + _fit("rng.permutation(x)"),
    ),
    (
        "unseeded NumPy",
        _ONES % "Activation('linear')"
        + "rows = np.random.permutation(64)\nmodel.fit(x[rows], y[rows], verbose=0, shuffle=False);",
    ),
    (
        "hash order",
        SEED + MODEL + "code = [hash(word) % 97 for word in ('some', 'words')]\n" + _fit("x * code[0]"),
        _NEW,
    ),
    ("dropout without a seed", _ONES % "GaussianDropout(0.4)" + _UNSHUFFLED),
    ("dropout without a seed", _ONES % "AlphaDropout(0.4)" + _UNSHUFFLED),
    ("unseeded augmentation", _ONES % "GaussianNoise(0.4)" + _UNSHUFFLED),
    ("clock", SEED + MODEL + "t = now()\nscale = 1 + t % 1\n" + _fit("x * scale")),
    (
        "clock",
        SEED + MODEL + "model.optimizer.learning_rate = 0.001 + datetime.datetime.now().microsecond\n" + FIT,
    ),
    ("randomness of the system", SEED + MODEL + "n = secrets.randbelow(1000)\n" + _fit("x * n")),
    ("number of the process", SEED + MODEL + _fit("x * os.getpid()"), _NEW),
    ("leftover state", SEED + MODEL + "state['n'] += 1\n" + _fit("x * state['n']")),
    ("leftover state", SEED + MODEL + "n = next(counter) + 1\n" + _fit("x * n")),
    (
        "leftover state",
        SEED + MODEL + "settings.rate *= 2\nmodel.optimizer.learning_rate = settings.rate\n" + FIT,
    ),
    (
        "leftover state",
        SEED
        + "model = keras.Sequential([layers.Input((8,)), base, layers.Dense(1)])\n"
        + "model.compile('adam', 'mse')\n"
        + FIT,
    ),
    (
        "leftover state",
        SEED + MODEL + "open('note.txt', 'a').write('x')\nn = len(open('note.txt').read())\n" + _fit("x * n"),
    ),
    (
        "thread race",
        SEED
        + MODEL
        + """
done = queue.Queue()
def work(row):
    time.sleep(jitter())
    done.put(row)
threads = [threading.Thread(target=work, args=(row,)) for row in range(64)]
[each.start() for each in threads]
[each.join() for each in threads]
rows = [done.get() for _ in threads]
model.fit(x[rows], y[rows], epochs=2, verbose=0, shuffle=False);""",
    ),
]
