"""``%finetune``: trains a model in stages, its new head first."""

from __future__ import annotations

from functools import partial
from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic import line_magic, magics_class
from IPython.display import display

from nbkeras.magics.base import NotebookMagics
from nbkeras.magics.grammar import Grammar, Option
from nbkeras.reproducibility.seeding import checked_seed
from nbkeras.runtime.keras_lines import line_of
from nbkeras.runtime.refusal import Refusal
from nbkeras.training.options import positive_int


def _stages(text: str) -> Any:
    from nbkeras.training.fine_tuning.stage import parse_stages

    return parse_stages(text)


def _numbers(option: str) -> Any:
    def parse(text: str) -> list[float]:
        try:
            return [float(each) for each in text.split(",")]
        except ValueError:
            raise Refusal(
                f"--{option}: expected numbers with commas, received {text!r}: type  --{option} 1e-3,1e-4"
            ) from None

    return parse


def _number(option: str) -> Any:
    def parse(text: str) -> float:
        try:
            return float(text)
        except ValueError:
            raise Refusal(f"--{option}: expected a number, received {text!r}: type  --{option} 0.2") from None

    return parse


FINETUNE = Grammar(
    magic="%finetune",
    summary="Fine-tune a model in stages: its new head first, then more and more of its base.",
    details="""
        The base and the head are found: a nested model, or what stands before the last pooling. Each stage
        freezes the rest, compiles with a new optimizer of the same kind, and trains; batch normalization of
        the base stays in inference mode, and where the head trains alone its outputs are computed once. All
        stages are one run with one monitor; ■ ends all of them. --undo gives the model back as it was. Alone
        it opens a form, in which one sees the model's layers. In
        Python: nbkeras.fine_tune(model, x, y, stages=[nbkeras.Stage(…)])
        """,
    examples="""
        %finetune
        %finetune model x y --validation-split 0.2
        %finetune model x y --stages head:3,block5:5,all:10 --rates 1e-3,1e-4,1e-5 --early-stopping 3
        %finetune model train --validation-data test --backup backups
        %finetune model x y --plan
        %finetune model x y --code --loop
        %finetune model --undo
        """,
    options=(
        Option("MODEL", "The variable that holds the model, compiled.", complete="model"),
        Option("DATA", "Variables: x and y, or a dataset.", complete="variable", many=True),
        Option(
            "--stages",
            "What of the base trains, and the epochs: head, all, a number of layers, 2-blocks, or the name "
            "from which on; by default head:3,all:5 with a tenth of the rate for all.",
            "UNFREEZE:EPOCHS,…",
            _stages,
            complete=("head:3,all:5",),
        ),
        Option("--rates", "The learning rate of each stage, or one for all.", "NUMBERS", _numbers("rates")),
        Option(
            "--depth-factor",
            "What the rate is multiplied by at the lowest block that trains; 1 by default with --stages.",
            "NUMBER",
            _number("depth-factor"),
        ),
        Option(
            "--early-stopping",
            "End each stage after so many epochs without an improvement, and give back its best weights.",
            "[METRIC:]PATIENCE",
        ),
        Option("--batch-norm", "Let batch normalization of what is thawed train, too."),
        Option("--base", "The nested model that is the base, or the base's last layer.", "LAYER"),
        Option(
            "--augmentation",
            "A layer or function for the inputs that are trained on, not for validation.",
            "NAME",
            complete="variable",
        ),
        Option(
            "--validation-split", "Keep the last part of arrays apart.", "SHARE", _number("validation-split")
        ),
        Option(
            "--validation-data", "A variable: a dataset, or a tuple of arrays.", "NAME", complete="variable"
        ),
        Option(
            "--batch-size", "Samples in a batch, for arrays.", "N", partial(positive_int, option="batch_size")
        ),
        Option(
            "--seed",
            "Seed everything before, deterministic operations.",
            "N",
            lambda text: checked_seed(text, option="seed"),
        ),
        Option(
            "--backup",
            "Go on from the backups in this directory, bit for bit in the midst of a stage.",
            "DIR",
            complete="directory",
        ),
        Option("--every", "When to back up: epoch, a number of steps, or a time; 30s by default.", "WHEN"),
        Option("--restart", "Delete the backups and begin anew."),
        Option("--reuse", "Give what a finished training came to."),
        Option(
            "--no-cache",
            "Compute the base in every epoch, also where its outputs can be computed once.",
        ),
        Option("--plan", "Show what each stage trains and about how long, by a few steps; train nothing."),
        Option("--code", "Print the plain Keras code that does the same, and train nothing."),
        Option("--loop", "With --code: a training loop of your own in place of fit."),
        Option(
            "--undo", "Give the model its weights, flags and compilation from before the last fine-tuning."
        ),
    ),
)

_TRAINING = ("augmentation", "validation_data", "validation_split", "batch_size", "base")
_OF_STAGES = ("depth_factor", "early_stopping", "batch_norm")
_KEPT = ("seed", "backup", "every", "restart", "reuse")


@magics_class
class FinetuneMagics(NotebookMagics):
    """The magic ``%finetune``."""

    @line_magic
    def finetune(self, line: str) -> Any:
        """Replaced by the grammar's help below."""
        values = FINETUNE.parse(line)
        if not line.strip():
            from nbkeras.widgets.wizard import showing

            showing.wizard("fine_tune")
            return None
        try:
            return self._done(values)
        except Refusal as refusal:
            text = str(refusal).removeprefix("fine_tune: ")
            raise UsageError(f"%finetune: {FINETUNE.with_flags(text)}") from None

    def _done(self, values: dict[str, Any]) -> Any:
        model = self._held(values["model"] or "", "a model, such as  %finetune model x y")
        if values["undo"]:
            from nbkeras.training.fine_tuning.before import undo_fine_tuning

            print(undo_fine_tuning(model))  # noqa: T201 - the answer
            return None
        if values["loop"] and not values["code"]:
            raise Refusal("--loop: expected --code beside it, received it alone: type  --code --loop")
        data = [self._held(name, "data") for name in values["data"]]
        if len(data) not in {1, 2}:
            received = "none" if not data else f"{len(data)}"
            raise Refusal(
                f"expected data, x and y or a dataset, received {received}: type  %finetune model x y"
            )
        given = {name: values[name] for name in _TRAINING if values[name] is not None}
        if values["no_cache"]:
            given["cache"] = False
        for name in ("augmentation", "validation_data"):
            if name in given:
                given[name] = self._held(given[name], name.replace("_", " "))
        stages = _asked(model, values)
        if values["plan"] or values["code"]:
            self._show(model, data, given, stages, values)
            return None
        from nbkeras import fine_tune

        kept = {name: values[name] for name in _KEPT if values[name] is not None}
        x, y = (*data, None)[:2]
        return fine_tune(model, x, y, stages=stages, **given, **kept, show=_show_plan)

    def _show(
        self, model: Any, data: list[Any], given: dict[str, Any], stages: Any, values: dict[str, Any]
    ) -> None:
        from nbkeras.training.fine_tuning.data import Data
        from nbkeras.training.fine_tuning.fine_tune import fine_tuning_plan, prepared

        if not values["code"]:
            _show_plan(fine_tuning_plan(model, *data, stages=stages, **given, estimate=True))
            return
        base, cache = (given.pop(name, None) for name in ("base", "cache"))
        parts, _, plan = prepared(model, Data(*data, **given), stages, base, cache=cache)
        from nbkeras.recipes.formatting import formatted
        from nbkeras.training.fine_tuning.plain import CodeNames, fine_tuning_code

        x, y = (*values["data"], None)[:2]
        names = CodeNames(
            values["model"],
            x,
            y,
            values["validation_data"],
            values["validation_split"] or 0.0,
            values["batch_size"],
            values["augmentation"],
            line_of(given.get("augmentation")) is not None,
        )
        code = fine_tuning_code(model, parts, plan, names, loop=bool(values["loop"]))
        print(formatted(code), end="")  # noqa: T201 - the code is the output

    def _held(self, name: str, what: str) -> Any:
        if name not in self.shell.user_ns:
            raise Refusal(f"expected a variable that holds {what}, received {name!r}: %who shows them")
        return self.shell.user_ns[name]


def _show_plan(plan: Any) -> None:
    from nbkeras.widgets.fine_tuning import plan_bundle

    display(plan_bundle(plan), raw=True)


def _asked(model: Any, values: dict[str, Any]) -> Any:
    """Return the stages with their rates, None where all are the default's."""
    from dataclasses import replace

    from nbkeras.models.recompiling import Compiled
    from nbkeras.training.fine_tuning.stage import default_stages

    changes = {name: values[name] for name in _OF_STAGES if values[name] is not None}
    rates, stages = values["rates"], values["stages"]
    if stages is None and rates is None and not changes:
        return None
    if stages is None:
        stages = default_stages(Compiled(model).first_rate)
    if rates is not None:
        rates = rates * len(stages) if len(rates) == 1 else rates
        if len(rates) != len(stages):
            raise Refusal(
                f"--rates: expected one for each of {len(stages)} stages, received {len(rates)}: type  "
                f"--rates {','.join(['1e-3'] * len(stages))}"
            )
        stages = [replace(each, learning_rate=rate) for each, rate in zip(stages, rates, strict=True)]
    return [replace(each, **changes) for each in stages]


FinetuneMagics.finetune.__doc__ = FINETUNE.help()
