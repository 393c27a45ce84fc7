"""The user's callbacks, over all stages."""

from __future__ import annotations

import numpy as np
import pytest

import nbkeras
from nbkeras import Stage

X = np.random.default_rng(0).normal(size=(48, 6, 6, 1)).astype("float32")
Y = np.arange(48) % 3
STAGES = [Stage("head", epochs=2), Stage("all", epochs=2, learning_rate=1e-3)]


# Keras writes weights so.
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword")
@pytest.mark.parametrize("backup", [pytest.param(None, marks=pytest.mark.costly), "backups"])
@pytest.mark.parametrize(
    "keras", ["keras", pytest.param("tf_keras", marks=pytest.mark.costly)], indirect=True
)
def test_files_and_best_models_are_those_of_all_stages(keras, make, tmp_path, backup):
    table = keras.callbacks.CSVLogger("log.csv")
    best = keras.callbacks.ModelCheckpoint(
        "best.weights.h5", monitor="loss", save_best_only=True, save_weights_only=True
    )
    kept = {} if backup is None else {"backup": backup, "seed": 1}
    # A list in a list, as Keras takes it, too.
    callbacks = [[table], best]
    result = nbkeras.fine_tune(make(), X, Y, stages=STAGES, quiet=True, callbacks=callbacks, **kept)
    rows = (tmp_path / "log.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["epoch", "0", "1", "2", "3"]
    assert any("CSVLogger goes on with 'log.csv' in each stage" in note for note in result.run.notes)
    assert (table.append, table.append_header) == (False, True)
    assert best.best == pytest.approx(min(result.history["loss"]))


def test_what_is_meant_for_one_fit_is_refused(keras, make):
    for callback, words in (
        (nbkeras.Monitor(), "received Monitor: leave it out"),
        (nbkeras.ExactBackup("backups"), "give  backup='backups'  to fine_tune"),
        (keras.callbacks.BackupAndRestore("backups"), "give  backup='backups'  to fine_tune"),
        (nbkeras.GradualUnfreezing(), "the stages freeze and thaw"),
    ):
        model = make()
        optimizer = model.optimizer
        with pytest.raises(nbkeras.Refusal, match=words):
            nbkeras.fine_tune(model, X, Y, stages=STAGES, quiet=True, callbacks=[callback])
        assert model.optimizer is optimizer
