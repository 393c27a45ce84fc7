"""``%%tune``: search for the values with which a cell trains the best model."""

from __future__ import annotations

from functools import partial

from IPython.core.error import UsageError
from IPython.core.magic import cell_magic, magics_class

from nbkeras.magics.base import NotebookMagics
from nbkeras.magics.grammar import Grammar, Option
from nbkeras.runtime.durations import parse_duration
from nbkeras.runtime.refusal import Refusal
from nbkeras.training.options import positive_int


def _seed(text: str) -> int:
    from nbkeras.training.tuning.options import whole_seed

    return whole_seed(text, option="--seed")


TUNE = Grammar(
    magic="%%tune",
    summary="Search for the values with which a cell trains the best model, with KerasTuner.",
    details="""
        The cell builds, compiles and fits a model, with one fit. What is searched is marked in it, as
        hp.Float("lr", 1e-4, 1e-1, sampling="log"), hp.Int, hp.Choice or hp.Boolean; or --search names
        variables of the cell, whose values the search then sets. Each trial runs the whole cell; what it
        prints is shown for the best trial alone.

        Afterwards the cell's variables are those of the best trial, its model with the weights of its best
        epoch; hp holds the best values, and tuner is KerasTuner's; print(tuner.best_code) gives the cell with
        the best values in it, as plain Keras code. The first interrupt (the notebook's ■)
        ends the search and keeps the best; --resume goes on with it, after a kernel's death, too. Each trial
        is a run in the run log. It works with Keras 3 and with tf_keras. In Python: nbkeras.tune(train, …).

        Values of --search: lr=1e-4..1e-1:log (a range over decades), width=16..128:16 (in steps),
        depth=1..4 (whole numbers), units=16|32|64 (one of them), bias=true|false.
        """,
    examples="""
        %%tune --search "lr=1e-4..1e-1:log units=16|32|64" --trials 20
        lr = 1e-3
        units = 32
        model = keras.Sequential([keras.layers.Dense(units, activation="relu"), keras.layers.Dense(10)])
        model.compile(keras.optimizers.Adam(lr), loss, metrics=["accuracy"])
        history = model.fit(x, y, validation_split=0.2, epochs=5)

        %%tune --tuner hyperband --epochs 30 --objective val_accuracy
        model = build(hp.Int("depth", 1, 4), hp.Float("lr", 1e-4, 1e-1, sampling="log"))
        history = model.fit(train, validation_data=validation)
        """,
    options=(
        Option("--search", "Variables of the cell and the values to try, in quotes.", '"NAME=VALUES …"'),
        Option(
            "--tuner",
            "random (the default), hyperband, bayesian or grid.",
            "TUNER",
            complete=("random", "hyperband", "bayesian", "grid"),
        ),
        Option(
            "--trials",
            "How many; by default 10. A grid and Hyperband know their own end.",
            "N",
            partial(positive_int, option="--trials"),
        ),
        Option(
            "--objective",
            "The metric to improve, with :min or :max where its name does not say it; by default val_loss.",
            "METRIC[:min|:max]",
            complete="metric",
        ),
        Option(
            "--epochs",
            "Epochs, where the fit does not say; for Hyperband the most of a trial.",
            "N",
            partial(positive_int, option="--epochs"),
        ),
        Option("--dir", "Where searches are kept; by default .nbkeras/tuning.", "DIR", complete="directory"),
        Option("--name", 'Name of the search, and of its folder; by default "search".', "NAME"),
        Option("--resume", "Go on with the search of this name."),
        Option("--restart", "Delete the search of this name, and begin anew."),
        Option("--seed", "1 or more: the same seed tries the same values.", "N", _seed),
        Option(
            "--max-time",
            "Stop the search after this time: 90s, 10m, 1h30m.",
            "TIME",
            lambda text: parse_duration(text, option="--max-time"),
        ),
        Option("--quiet", "Record the search and show nothing."),
        Option("--code", "Print the plain KerasTuner code that does the same, and search nothing."),
    ),
)


@magics_class
class TuneMagics(NotebookMagics):
    """The magic ``%%tune``."""

    @cell_magic
    def tune(self, line: str, cell: str) -> None:
        """Replaced by the grammar's help below."""
        __tracebackhide__ = True
        values = TUNE.parse(line)
        show_code = values.pop("code")
        values["directory"] = values.pop("dir")
        for switch in ("resume", "restart", "quiet"):
            values[switch] = bool(values[switch])
        from nbkeras.training.tuning.options import tune_options

        try:
            if show_code:
                from nbkeras.training.tuning.plain import plain_search

                options = tune_options(**{**values, "resume": False, "restart": False})
                print(plain_search(cell, options, self.shell.user_ns))  # noqa: T201 - the code is the output
                return
            from nbkeras.magics.tuned_cell import TunedCell
            from nbkeras.training.tuning.searching import Searcher
            from nbkeras.widgets.tuning.live import install

            install()
            options = tune_options(**values)
            tuned = TunedCell(self.shell, line, cell, options.space)
            try:
                search = Searcher(options, tuned).go()
            except Refusal:
                raise
            except BaseException:
                tuned.say()
                raise
            finally:
                tuned.done()
        except Refusal as refusal:
            # Our own line is enough: no traceback for a mistake of the user's.
            raise UsageError(f"%%tune: {_with_flags(str(refusal))}") from None
        except SyntaxError as error:
            text = f"%%tune: expected plain Python, received {error.msg} in line {error.lineno}"
            raise UsageError(text) from None
        tuned.settle(search)
        if search.best is not None:
            from nbkeras.training.tuning.best import best_cell

            search.tuner.best_code = best_cell(cell, options, search.hp.values)


def _with_flags(text: str) -> str:
    """Name an option as it is typed on the magic line: --max-time for max_time."""
    name, _, rest = text.partition(":")
    flags = {option.dest: option.name for option in TUNE.options} | {"directory": "--dir"}
    return f"{flags[name]}:{rest}" if name in flags else text


TuneMagics.tune.__doc__ = TUNE.help()
