"""The way of one ``fit``: from its first epoch to the place of a backup, and on from there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbkeras.callbacks.backup.boundaries import Boundaries, Retraced
from nbkeras.callbacks.backup.callback_draws import ends_with_epochs, runs_python
from nbkeras.callbacks.backup.callback_states import event_files, write_callbacks
from nbkeras.callbacks.backup.captured import Captured
from nbkeras.callbacks.backup.course import Course
from nbkeras.callbacks.backup.identity import form_difference, forms_of
from nbkeras.callbacks.backup.randomness import PYTHON_DRIVEN, write_random
from nbkeras.callbacks.backup.refusing import refuse_difference
from nbkeras.callbacks.backup.replay import Replay
from nbkeras.callbacks.backup.skipping import Skipping
from nbkeras.callbacks.backup.sources import is_arrays
from nbkeras.callbacks.backup.variables import write_replicas, write_variables

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from nbkeras.callbacks.backup.pacing import Due
    from nbkeras.callbacks.backup.store import Backup, Store


class Way:
    """Leads one ``fit`` to the place of a backup, where there is one, and follows it from there.

    Args:
        own: the callback that all this belongs to.
        caller: the list of callbacks that Keras calls.
        host: the frame of ``fit``.
        store: where the backups are.
        due: says when the next one is.
        about: what is said of each backup besides its position.
        began: the random state as ``fit`` began.
        say: tells the user a line.
        give_back: gives the user's files back as they were, if there is no training after all.
    """

    def __init__(
        self,
        own: Any,
        caller: Any,
        host: FrameType,
        *,
        store: Store,
        due: Due,
        about: dict[str, Any],
        began: dict[str, Any],
        say: Callable[[str], None],
        give_back: Callable[[], None] | None,
    ) -> None:
        """Lead nowhere yet."""
        self._own, self._caller, self._host = own, caller, host
        self._model = own.model
        self._store = store
        self._due = due
        self._about = about
        self._captured = Captured(host.f_locals)
        self._began = {**began, "data": self._captured.read()}
        self._say = say
        self._files = give_back
        self._noted = ends_with_epochs(host.f_locals) and runs_python(host.f_locals)
        self._replay: Replay | None = None
        self._course: Course | None = None

    def begin(self, epoch: int, found: tuple[Backup, Any] | None) -> None:
        """Set out at the first epoch of ``fit``, towards the backup if there is one."""
        for line in self._captured.inexact(self._model):
            self._say(line)
        if found is None:
            self._follow((epoch, 0), 0, Boundaries(noted=self._noted))
            return
        backup, state = found
        # The learning rate that the backup's run began with, say, is what its next backup says, too.
        self._about["identity"] = backup.about["identity"]
        for name in PYTHON_DRIVEN:
            # What draws its data from these begins with what it began with.
            write_random({name: state["began"][name]})
        if not self._captured.write(state["began"].get("data", [])):
            self._say("not exact: the functions of the data draw or count with other variables than before")
        given = self._host.f_locals
        retraced = Retraced(state["boundaries"])
        self._replay = Replay(
            self._model,
            self._caller,
            self._host,
            position=tuple(backup.about["position"]),
            logs=state["logs"],
            skipping=Skipping(given, self._model),
            arrays_validate=is_arrays(given.get("val_x")),
            retraced=retraced,
        )
        self._replay.begin(lambda: self._arrive(backup, state, retraced), self._missed)

    def end(self) -> None:
        """Leave everything as it was before, where the place was not reached."""
        if self._course is not None:
            self._course.end()
            return
        if self._replay is not None:
            self._replay.end()
            self._replay = None
            if self._files is not None:
                self._files()
            write_random(self._began)
            self._captured.write(self._began["data"])

    @property
    def last(self) -> Backup | None:
        """The backup of the run's end, once there is one."""
        return None if self._course is None else self._course.last

    def refuse_if_not_there(self) -> None:
        """Refuse a training that has come to its end on the way.

        Raises:
            Refusal: then.
        """
        if self._replay is not None:
            self._refuse("a training that ends before the place of the backup")

    def _arrive(self, backup: Backup, state: dict[str, Any], retraced: Retraced) -> None:
        self._refuse(form_difference(backup.about["variables"], forms_of(self._model)))
        self._replay = None
        others = [each for each in self._caller.callbacks if each is not self._own]
        write_variables(self._model, state["variables"])
        write_replicas(self._model, state["replicas"])
        write_callbacks(others, state["callbacks"], backup.about.get("written", {}))
        if now := event_files(others):
            # If this run is killed before its next backup, the one after it has to know of them.
            self._store.amend(backup, {"written": now})
        # A generator that drew from Python's or NumPy's state has left it where it belongs.
        write_random(state["random"], but=retraced.drawn() | self._captured.shared())
        for line in retraced.strayed():
            self._say(line)
        self._model.stop_training = state["stop"]
        self._began = state["began"]
        boundaries = Boundaries(state["boundaries"], noted=self._noted)
        self._follow(backup.about["position"], backup.about["done"], boundaries)

    def _missed(self, here: tuple[int, int]) -> None:
        self._refuse(f"data that end after step {here[1]} of epoch {here[0] + 1}")

    def _follow(self, position: Any, done: int, boundaries: Boundaries) -> None:
        self._course = Course(
            self._model,
            self._caller,
            self._own,
            store=self._store,
            due=self._due,
            about=self._about,
            began=self._began,
            boundaries=boundaries,
            say=self._say,
            done=done,
        )
        self._course.begin(*position)

    def _refuse(self, found: str) -> None:
        """Refuse what differs, with everything as it was before."""
        if not found:
            return
        left = self._replay is not None and self._replay.leaves_a_step
        self._own.close()
        new = " (the model had no weights or slots, and has those of one step: make it anew)" if left else ""
        refuse_difference(self._store.folder, found + new)
