"""``%%train_step`` and ``%%test_step``: write the body of a step, and no more."""

from __future__ import annotations

import ast
import dataclasses
import difflib
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import line_cell_magic, magics_class

from nbkeras.magics.base import NotebookMagics
from nbkeras.magics.cells import name_of_running_cell
from nbkeras.magics.grammar import Grammar, Option
from nbkeras.runtime.keras_lines import is_model
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from nbkeras.training.custom_step.body import Body, Kind

READY_BODIES = {
    "train": ("accumulate", "clip", "contrastive", "distill", "gan", "sample_weights"),
    "test": ("sample_weights",),
}


def _options(kind: Kind) -> tuple[Option, ...]:
    return (
        Option("MODEL", "The compiled model, a variable of the notebook.", complete="model"),
        Option(
            "--data",
            "What to try the step on: x, y or x, y, sample_weight or a dataset, as Python; by default the "
            "notebook's x_train and y_train, x and y, or train.",
            "EXPR",
        ),
        Option("--no-trial", "Give the model the step without trying it."),
        Option("--body", "Take a ready body: the cell has none then.", "NAME", complete=READY_BODIES[kind]),
        Option("--insert", "Put the ready body into a new cell, to read and change, and do no more."),
        Option("--fix", "Rewrite a body that uses compiled_loss or compiled_metrics of older versions."),
        Option("--name", "Name of the subclass. Default: CustomStep.", "CLASS"),
        Option("--code", "Print the plain Keras code that does the same, and do no more."),
        Option("--off", "Give the model its own step back."),
    )


TRAIN_STEP = Grammar(
    magic="%%train_step",
    summary="Write the body of a custom train_step; fit then trains the model with it.",
    details="""
        In the cell stand self, the model; data, the batch; and x, y and sample_weight, taken from it. It
        returns a dict of metrics. The model stays the same object and becomes an instance of a subclass
        with this train_step: weights, optimizer and compile settings stay, and fit, callbacks, %%fit and
        the monitor work as ever. Running the cell again replaces the step. With tf_keras a step is written
        a little differently: --body sample_weights --insert writes it for the model's own line.

        Before that, the step is tried on two batches, which changes no weight, no optimizer, no metric and
        no random number: does it return numbers, those of the whole epoch, do gradients reach every
        trainable weight, do sample weights and the layers' own losses count, is the loss scaled under
        mixed_float16, are dropout and the like on, does it agree with Keras's own step? An error in the
        body shows its line, and leaves the model as it was. In Python: nbkeras.train_step(model, body,
        data=(x, y)), and nbkeras.try_step(model, (x, y)) for a class that one has written by hand.
        """,
    examples="""
        %%train_step model
        with tf.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight)
            scaled = self.optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled, self.trainable_weights)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_weights))
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss, sample_weight=tf.shape(x)[0])
        return self.compute_metrics(x, y, y_pred, sample_weight)

        %train_step model --body clip --insert
        %train_step gan --body gan --data images
        %train_step model --off
        """,
    options=_options("train"),
)
TEST_STEP = Grammar(
    magic="%%test_step",
    summary="Write the body of a custom test_step; evaluate and fit's validation use it.",
    details="""
        It works as %%train_step does, and a model can have both. The trial asks as well that the step
        changes no weight and calls the model with training=False.
        """,
    examples="""
        %%test_step model --data "x_val, y_val"
        y_pred = self(x, training=False)
        loss = self.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight)
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss, sample_weight=tf.shape(x)[0])
        return self.compute_metrics(x, y, y_pred, sample_weight)

        %test_step model --body sample_weights --code
        """,
    options=_options("test"),
)
# As line magics, with --body or --off, they have no cell.
GRAMMARS = tuple(
    each
    for grammar in (TRAIN_STEP, TEST_STEP)
    for each in (grammar, dataclasses.replace(grammar, magic=grammar.magic[1:]))
)


@magics_class
class CustomStepMagics(NotebookMagics):
    """The magics ``%%train_step`` and ``%%test_step``, and the same with one %."""

    @line_cell_magic
    def train_step(self, line: str, cell: str | None = None) -> None:
        """Replaced by the grammar's help below."""
        __tracebackhide__ = True
        self._step("train", TRAIN_STEP, line, cell)

    @line_cell_magic
    def test_step(self, line: str, cell: str | None = None) -> None:
        """Replaced by the grammar's help below."""
        __tracebackhide__ = True
        self._step("test", TEST_STEP, line, cell)

    def _step(self, kind: Kind, grammar: Grammar, line: str, cell: str | None) -> None:
        __tracebackhide__ = True
        grammar = grammar if cell is not None else dataclasses.replace(grammar, magic=grammar.magic[1:])
        values = grammar.parse(line)
        try:
            self._given(kind, grammar.magic, line, cell, values)
        except Refusal as refusal:
            text = str(refusal)
            name, _, rest = text.partition(":")
            flagged = f"--{name}:{rest}" if f"--{name}" in {o.name for o in grammar.options} else text
            raise UsageError(f"{grammar.magic}: {flagged}") from None

    def _given(self, kind: Kind, magic: str, line: str, cell: str | None, values: dict[str, Any]) -> None:
        __tracebackhide__ = True
        name = values["model"]
        model = self._model(kind, name)
        from nbkeras.training.custom_step import ready, steps

        if values["off"]:
            _say(steps.take_off(kind, model, called=name))
            return
        text = _source(kind, cell, values)
        if text is None:
            text = ready.ready_body(kind, values["body"], model)
            cell = None
        if values["insert"]:
            self.shell.set_next_input(f"%%{kind}_step {name}\n{text}")
            _say("The body is in a new cell: read it, change it, and run it.")
            return
        written = self._fixed(kind, text, model, fix=bool(values["fix"]))
        if written != text:
            text, cell = written, None
            _say(f"The body, rewritten:\n\n{text}")
        body = self._body(kind, magic, line, text, is_cell=cell is not None)
        if values["code"]:
            from nbkeras.training.custom_step.plain import step_code

            _say(step_code(body, model=name, name=steps.class_name(model, values["name"])))
            return
        data = self._value(values["data"])
        report = steps.install(
            model,
            body,
            name=values["name"],
            data=data,
            source=values["data"] or "",
            try_first=not values["no_trial"],
            called=name,
        )
        _say(report)

    def _model(self, kind: Kind, name: str | None) -> Any:
        models = sorted(key for key, value in self.shell.user_ns.items() if is_model(value) and key[0] != "_")
        value = self.shell.user_ns.get(name) if name else None
        if is_model(value):
            return value
        near = (difflib.get_close_matches(name or "", models, n=1) or models or ["model"])[0]
        received = "none" if not name else f"{name!r}, which is a {type(value).__name__}"
        if name and name not in self.shell.user_ns:
            received = f"{name!r}, which is no variable"
        text = f"expected a model of the notebook, received {received}: type  %%{kind}_step {near}"
        raise Refusal(text)

    def _fixed(self, kind: Kind, text: str, model: Any, *, fix: bool) -> str:
        from nbkeras.training.custom_step.steps import OldBodyRefusal, checked

        try:
            return checked(kind, text, model, fix=fix)
        except OldBodyRefusal as refusal:
            _say(refusal.reason)
            if refusal.rewritten is not None:
                _say(f"\nThe body for Keras 3:\n\n{refusal.rewritten}")
            raise
        except SyntaxError:
            # Said with its line, when the body is read.
            return text

    def _body(self, kind: Kind, magic: str, line: str, text: str, *, is_cell: bool) -> Body:
        """Read a body so that tracebacks name the cell that it stands in."""
        __tracebackhide__ = True
        from nbkeras.training.custom_step.body import read_body
        from nbkeras.training.custom_step.steps import shown

        space = self.shell.user_ns
        if not is_cell:
            return read_body(kind, text, filename=shown(kind, text), namespace=space)
        # An empty first line stands for the magic line, so that line numbers are those of the cell.
        source = "\n" + self.shell.transform_cell(text)
        filename = name_of_running_cell(self.shell, f"{magic} {line}".rstrip() + source)
        try:
            tree = self.shell.transform_ast(ast.parse(source, filename))
        except SyntaxError as error:
            text = f"expected Python in the cell, received {error.msg} in line {error.lineno}: mend that line"
            raise Refusal(text) from None
        return read_body(kind, text, filename=filename, namespace=space, tree=tree)

    def _value(self, expression: str | None) -> Any:
        if expression is None:
            return None
        try:
            return eval(expression, self.shell.user_ns)  # noqa: S307 - what the user typed
        except Exception as error:  # noqa: BLE001 - whatever the expression raises
            text = (
                f"data: expected Python such as  x, y  or  train, received {expression!r} "
                f"({type(error).__name__}: {error}): name variables of the notebook"
            )
            raise Refusal(text) from None


def _source(kind: Kind, cell: str | None, values: dict[str, Any]) -> str | None:
    """Return the cell's body, None where a ready one is asked for instead."""
    is_blank = not (cell or "").strip()
    if values["body"] is None and values["insert"]:
        ready = READY_BODIES[kind][0]
        text = f"expected --insert with --body NAME, received it alone: type  --body {ready} --insert"
        raise Refusal(text)
    if values["body"] is None and is_blank:
        text = (
            f"expected the body of {kind}_step in the cell, received an empty one: write it, or type  "
            f"--body {READY_BODIES[kind][0]}"
        )
        raise Refusal(text)
    if values["body"] is not None and not is_blank:
        text = (
            "expected a body in the cell or --body, received both: leave one out; --body NAME --insert puts "
            "the ready one into a new cell"
        )
        raise Refusal(text)
    return None if values["body"] is not None else cell


def _say(what: object) -> None:
    print(what)  # noqa: T201 - it is the magic's output


CustomStepMagics.train_step.__doc__ = TRAIN_STEP.help()
CustomStepMagics.test_step.__doc__ = TEST_STEP.help()
