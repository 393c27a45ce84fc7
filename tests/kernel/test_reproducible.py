"""``%%reproducible`` and ``%stamp`` in real kernels: planted causes, clean cells, and what is left behind."""

from __future__ import annotations

import re
import time

import pytest

from tests.recipes.cases import PAIRWISE
from tests.reproducibility import planted

# The second line of Keras and the long list of causes have their turn in `make grid`.
VERDICTS = ("The same", "Not the same", "Nothing to compare")
LINES = ["keras", "tf_keras"] if PAIRWISE else ["keras"]


@pytest.fixture(scope="module", params=LINES)
def kernel(request, start_module_kernel):
    """A kernel with the line of Keras, that later tests share."""
    kernel = start_module_kernel()
    kernel.run(f"%env TF_USE_LEGACY_KERAS={int(request.param == 'tf_keras')}")
    reply = kernel.run(planted.SETUP.format(line=request.param))
    assert reply["status"] == "ok", reply
    return kernel


def proof(kernel, cell, options=""):
    """Prove a cell in an unseeded kernel and return the verdict as text."""
    kernel.run(planted.UNSEEDED)
    reply = kernel.run(f"%%reproducible {options}\n{cell}", timeout=120)
    assert reply["status"] == "ok", reply
    texts = [each["data"]["text/plain"] for each in kernel.outputs("update_display_data")]
    return next(text for text in reversed(texts) if text.startswith(VERDICTS))


def test_new_process_gives_the_same(kernel):
    """First of all: the new process runs what this kernel has run."""
    text = proof(kernel, planted.SEED + planted.ONES + planted.FIT, "--fresh-kernel")
    assert text.startswith(
        "The same: 2 runs in this kernel and one in a new process gave the same bits in 1 "
    ), text
    assert re.search(r"The new process ran the \d+ cells that this notebook had executed", text)


@pytest.mark.parametrize("cause", planted.PLANTED)
def test_planted_cause_is_found_and_named(kernel, cause):
    options = "--runs 1 --fresh-kernel" if cause == "hash order" else ""
    text = proof(kernel, planted.PLANTED[cause], options)
    assert text.startswith("Not the same: "), text
    assert f"\nMost probable cause: {cause}: " in text, text
    assert "\nFix: " in text


@pytest.mark.parametrize("case", planted.CLEAN)
def test_clean_cell_is_the_same(kernel, case):
    text = proof(kernel, planted.CLEAN[case])
    said = r"The same: 2 runs in this kernel gave the same bits in \d trainings? and \d+ variables?"
    assert re.match(said + "\nFingerprint: ", text), text


@pytest.mark.parametrize("case", planted.AFTER)
def test_what_a_cell_does_beside_fit_is_compared_or_said(kernel, case):
    cell, first, words = planted.AFTER[case]
    text = proof(kernel, cell)
    assert text.startswith(first), text
    assert words in text, text


@pytest.mark.parametrize("number", range(0, len(planted.MORE), 1 if PAIRWISE else 12))
def test_more_ways_of_the_same_causes(kernel, number):
    cause, cell, *options = planted.MORE[number]
    kernel.run(planted.MORE_SETUP)
    text = proof(kernel, cell, *options)
    assert text.startswith("Not the same: "), text
    assert f"\nMost probable cause: {cause}: " in text, text


def test_function_of_an_earlier_cell_is_looked_into(kernel):
    kernel.run("def noisy():\n    return x + np.random.default_rng().normal(size=x.shape)")
    text = proof(kernel, planted.SEED + planted.MODEL + planted.FIT.replace("fit(x", "fit(noisy()"))
    assert (
        "Most probable cause: unseeded NumPy: the function noisy, np.random.default_rng() has no" in text
    ), text


def test_proof_changes_nothing_of_what_the_cell_gives(kernel):
    """Watched and unwatched, the same cell ends with the same weights."""
    cell = planted.SEED + planted.ONES + planted.FIT
    weights = "[w.tobytes().hex() for w in model.get_weights()]"
    kernel.run(cell + "\nfit_before = keras.Model.fit")
    plain = kernel.value(weights)
    assert proof(kernel, cell).startswith("The same")
    assert kernel.value(weights) == plain
    assert kernel.value("keras.Model.fit is fit_before") is True


def test_notebook_is_left_as_after_one_run(kernel):
    kernel.run(
        planted.SEED
        + planted.MODEL.replace("model", "earlier")
        + "count, items, held, table = 0, [], np.zeros(3), {'a': 1}\nrng = np.random.default_rng(1)\n"
        + "at_first = earlier.get_weights()",
    )
    cell = (
        "count += 1\nitems.append(count)\nheld += 1\ntable[count] = rng.random()\nonce = count\n"
        "history = earlier.fit(x, y, epochs=3, verbose=0, shuffle=False)\nonce"
    )
    text = proof(kernel, cell, "--runs 3")
    assert "Most probable cause: leftover state: earlier, from an earlier cell: model of " in text
    assert kernel.outputs("execute_result")[0]["data"]["text/plain"] == "1"
    assert kernel.value("(count, items, held.tolist(), sorted(table, key=str), once)") == (
        1,
        [1],
        [1.0] * 3,
        [1, "a"],
        1,
    )
    steps = "int(earlier.optimizer.iterations.numpy())"
    assert kernel.value(steps) == 6
    weights = "[w.tobytes().hex() for w in earlier.get_weights()]"
    proven, drawn = kernel.value(weights), kernel.value("rng.random()")
    kernel.run(
        "earlier.set_weights(at_first); earlier.compile('adam', 'mse'); rng = np.random.default_rng(1)"
    )
    kernel.run(cell)
    assert kernel.value(weights) == proven
    assert kernel.value("rng.random()") == drawn


def test_stop_during_a_later_run_ends_the_proof_and_not_the_cell(kernel):
    """What is missing of the run that was stopped is no difference."""
    slow = "keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: time.sleep(0.1))"
    cell = (
        planted.SEED
        + planted.MODEL
        + f"history = model.fit(x, y, epochs=10, verbose=0, callbacks=[{slow}])\n"
    )
    kernel.messages.clear()
    running = kernel.send(f"%%reproducible\n{cell}done = True")
    kernel.until(lambda m: "run 2 of 2" in str(m["content"].get("data")), timeout=60)
    time.sleep(1)
    kernel.interrupt()
    assert kernel.wait(running)["status"] == "ok"
    text = kernel.outputs("update_display_data")[-1]["data"]["text/plain"]
    assert text.startswith("The same until Stop: "), text
    assert re.search(r"after Stop +not seen: stopped by hand, not compared", text), text
    assert kernel.value("(len(history.epoch), done)") == (10, True)


def test_error_of_the_cell_is_its_own(kernel):
    reply = kernel.run("%%reproducible\nvalue = 1\nvalue / 0")
    assert reply["ename"] == "ZeroDivisionError"
    assert kernel.outputs("update_display_data") == []


def test_cell_that_does_not_run_twice_is_named(kernel):
    kernel.run("waiting = iter([1])")
    text = proof(kernel, "value = next(waiting)")
    assert "First difference: run 2 failed where run 1 did not: StopIteration" in text
    assert kernel.value("value") == 1


def test_cell_without_training_is_compared_by_its_variables(kernel):
    assert proof(kernel, "value = [1, 2]").startswith("The same")
    text = proof(kernel, "value = random.random()")
    assert "First difference: the variables: value: 0." in text
    assert "Most probable cause: unseeded Python: line 2, random.random()" in text


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("%%reproducible --runs 1\n1", "expected two runs or more, received --runs 1: add  --fresh-kernel"),
        ("%%reproducible --runs none\n1", "--runs: expected a whole number of 1 or more, received 'none'"),
        ("%%reproducible --fresh\n1", "received '--fresh': type --fresh-kernel"),
        (
            "%%reproducible\n%%fit --seed 1 --backup d\n1",
            "without --backup, received one: its second run would",
        ),
        ("%%reproducible\nraw = keras.Sequential([])\nraw.fit(x, y)", "expected a compiled model"),
        ("%stamp nobody", "%stamp: no run 'nobody'"),
        ("%stamp a b c", "expected two runs to compare at most, received 3: type  %stamp a b"),
        ("%stamp --requirements /dev/null/r.txt", "requirements: expected a file that can be written"),
    ],
)
def test_mistakes_are_one_line(kernel, cell, words):
    reply = kernel.run(cell)
    assert reply["ename"] == "UsageError"
    assert words in reply["evalue"] + kernel.text()


def test_stamps_are_shown_compared_and_exported(kernel, tmp_path):
    kernel.run("%stamp")
    (shown,) = kernel.outputs("display_data")
    assert shown["data"]["text/plain"].startswith("Stamp of this notebook\n")
    assert "versions.tensorflow" in shown["data"]["text/plain"]
    for name, seed in (("one", 1), ("same", 1), ("other", 2)):
        kernel.run(f"%%fit --name {name} --seed {seed} --quiet\n" + planted.ONES + planted.FIT)
    kernel.run("%stamp one same")
    (shown,) = kernel.outputs("display_data")
    title = "data the same · weights the same · optimizer the same · history the same"
    assert shown["data"]["text/plain"].startswith(title), shown["data"]["text/plain"]
    kernel.run("%stamp one other")
    (shown,) = kernel.outputs("display_data")
    assert "weights differ" in shown["data"]["text/plain"]
    kernel.run(f"%stamp one --requirements {tmp_path}/r.txt")
    assert kernel.text().startswith(f"wrote {tmp_path}/r.txt: python -m pip install -r ")
    assert re.search(r"^numpy==\d", (tmp_path / "r.txt").read_text(), re.MULTILINE)


def test_layer_of_an_earlier_cell_that_augments_in_a_map_is_named(kernel):
    """The model has a Dropout of its own, which is no cause of other data."""
    kernel.run(
        "moved = keras.Sequential([keras.layers.RandomTranslation(0.5, 0.5)])\n"
        "def batches():\n"
        "    images = tf.data.Dataset.from_tensor_slices((x.reshape(64, 2, 4, 1), y)).batch(16)\n"
        "    return images.map(lambda a, b: (tf.reshape(moved(a, training=True), (-1, 8)), b))"
    )
    cell = planted.ONES + "history = model.fit(batches(), epochs=2, verbose=0, shuffle=False)"
    text = proof(kernel, planted.SEED + cell)
    assert text.startswith("Not the same: "), text
    assert "Most probable cause: leftover state: moved (model of " in text, text
    assert "Fix: make moved in this cell" in text
    # From here on the kernel is seeded, and nbkeras orders its arrays: no test comes after this one.
    text = proof(kernel, "%%fit --seed 1\n" + cell)
    assert text.startswith("The same"), text
