"""``%stamp``: what decides whether a training gives the same bits again."""

from __future__ import annotations

from IPython.core.error import UsageError
from IPython.core.magic import line_magic, magics_class
from IPython.display import display

from nbkeras.magics.base import NotebookMagics
from nbkeras.magics.grammar import Grammar, Option
from nbkeras.runtime.refusal import Refusal

STAMP = Grammar(
    magic="%stamp",
    summary="Show the environment stamp of this notebook or of a run, or in what two of them differ.",
    details="""
        A stamp has versions, machine, flags, seeds, the git commit of the notebook's folder and all installed
        packages. Each run has the stamp of its beginning in the run log, and the fingerprints of what it came
        to: of its data, its weights, its optimizer and its history. With two runs, the rows in which they
        differ are shown; equal weights mean that they ended bit for bit the same. In Python: nbkeras.stamp().
        """,
    examples="""
        %stamp
        %stamp baseline
        %stamp baseline again
        %stamp baseline --requirements requirements.txt
        """,
    options=(
        Option(
            "RUN",
            "One run, or two to compare: names, ids or beginnings of ids; by default this notebook as it is.",
            many=True,
            complete="run",
        ),
        Option(
            "--requirements",
            "Write the installed packages to this file, from which pip rebuilds the environment.",
            "FILE",
            complete="path",
        ),
    ),
)

_PAIR = 2


@magics_class
class StampMagics(NotebookMagics):
    """The magic ``%stamp``."""

    @line_magic
    def stamp(self, line: str) -> None:
        """Replaced by the grammar's help below."""
        values = STAMP.parse(line)
        try:
            _answer(values["run"], values["requirements"])
        except Refusal as refusal:
            raise UsageError(f"%stamp: {refusal}") from None


def _answer(names: list[str], requirements: str | None) -> None:
    from nbkeras import runs
    from nbkeras.reproducibility.stamp import of_record, stamp
    from nbkeras.widgets.stamp import differences_bundle, stamp_bundle

    if len(names) > _PAIR:
        text = (
            f"expected two runs to compare at most, received {len(names)}: type  %stamp {names[0]} {names[1]}"
        )
        raise Refusal(text)
    found = [runs.get(name) for name in names]
    stamps = [of_record(run.environment) for run in found] or [stamp()]
    if requirements is not None and len(stamps) == _PAIR:
        text = f"--requirements: expected one run, received two: type  %stamp {names[0]} --requirements FILE"
        raise Refusal(text)
    if requirements is not None:
        stamps[0].requirements(requirements)
        print(_written(requirements, stamps[0].get("packages", {})))  # noqa: T201 - the answer
    elif len(stamps) == _PAIR:
        display(differences_bundle(stamps[0], stamps[1], [run.name for run in found]), raw=True)
    else:
        display(stamp_bundle(stamps[0], found[0].name if found else "this notebook"), raw=True)


def _written(path: str, packages: dict[str, str]) -> str:
    from nbkeras.reproducibility.stamp_packages import only_here

    left = only_here(packages)
    said = f"wrote {path}: python -m pip install -r {path}  rebuilds it"
    return f"{said}, without what only this machine has: {', '.join(left)}" if left else said


StampMagics.stamp.__doc__ = STAMP.help()
