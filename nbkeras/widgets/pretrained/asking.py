"""`nbkeras.pretrained`: the models there are, or a model built on one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from nbkeras.models.pretrained import cache
from nbkeras.models.pretrained.building import build
from nbkeras.models.pretrained.class_names import best_classes, checked_names, imagenet_names
from nbkeras.models.pretrained.hub import has_hub, hub_presets
from nbkeras.models.pretrained.known import find_model, known_models
from nbkeras.models.pretrained.wishes import IMAGENET, PresetWish, Wish, notes_of, wished
from nbkeras.runtime.keras_lines import active_line
from nbkeras.runtime.refusal import Refusal
from nbkeras.widgets.pretrained.downloading import DownloadLine
from nbkeras.widgets.pretrained.tables import decoded_bundle, model_bundle, models_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from nbkeras.models.pretrained.hub import Preset
    from nbkeras.models.pretrained.known import KnownModel
    from nbkeras.widgets.picture.page import Bundle


class PretrainedModels:
    """The models that this Keras line has; as the value of a cell it shows the table.

    Attributes:
        models: those of ``keras.applications``, the smallest first.
        presets: those of KerasHub that classify images, where it is installed and the line is Keras 3.
    """

    def __init__(self) -> None:
        line = active_line()
        self.models: tuple[KnownModel, ...] = known_models(line)
        self.presets: tuple[Preset, ...] = ()
        self._notes: list[str] = []
        if has_hub(line):
            try:
                self.presets = hub_presets()
            except Refusal as refusal:
                self._notes = [str(refusal)]

    def __iter__(self) -> Iterator[KnownModel | Preset]:
        yield from self.models
        yield from self.presets

    def __len__(self) -> int:
        return len(self.models) + len(self.presets)

    def __repr__(self) -> str:
        return models_bundle(self.models, self.presets, self._notes)["text/plain"]

    def _repr_mimebundle_(self, **_: Any) -> Bundle:
        return models_bundle(self.models, self.presets, self._notes)


class Decoded:
    """The most probable classes of images; as the value of a cell it shows the table.

    Attributes:
        rows: for each image its classes and their probabilities, the best first.
        best: for each image the name of its most probable class.
    """

    def __init__(self, rows: list[list[tuple[str, float]]]) -> None:
        self.rows = rows
        self.best = [row[0][0] for row in rows]

    def __repr__(self) -> str:
        return decoded_bundle(self.rows)["text/plain"]

    def _repr_mimebundle_(self, **_: Any) -> Bundle:
        return decoded_bundle(self.rows)


class Pretrained:
    """A model built on a pretrained one; as the value of a cell it says what was built.

    Attributes:
        model: a plain Keras model, not compiled, for images with colours from 0 to 255.
        base: the pretrained model in it.
        name: of the pretrained model.
        notes: lines that say what was built, and what learns.
    """

    def __init__(self, wish: Wish | PresetWish, model: Any, base: Any, names: tuple[str, ...]) -> None:
        self.model = model
        self.base = base
        self.name = wish.preset.name if isinstance(wish, PresetWish) else wish.known.name
        self.notes = notes_of(wish, model, base)
        self._wish = wish
        self._names = names

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names of the classes: yours, ImageNet's, or else their numbers.

        Raises:
            Refusal: when ImageNet's names are not on this machine and can't be downloaded.
        """
        if not self._names:
            classes = self.model.output_shape[-1]
            whole = self._wish.classes is None and isinstance(self._wish, Wish)
            line = DownloadLine("names of classes")
            names = imagenet_names(active_line(), line) if whole else tuple(map(str, range(classes)))
            line.close(cache.folder(active_line()))
            self._names = names
        return self._names

    def decode(self, predictions: Any, top: int = 3) -> Decoded:
        """Return the most probable classes of each image by name.

        Args:
            predictions: what ``model.predict`` returns.
            top: how many classes an image. Default 3.

        Raises:
            Refusal: for predictions of another shape.
        """
        return Decoded(best_classes(predictions, self.class_names, top))

    def __repr__(self) -> str:
        return "\n".join(self.notes)


@overload
def pretrained(name: None = None) -> PretrainedModels: ...
@overload
def pretrained(
    name: str,
    *,
    classes: int | None = None,
    class_names: Sequence[str] = (),
    weights: str | Path | None = IMAGENET,
    input_shape: tuple[int, int, int] | None = None,
    dropout: float = 0.2,
) -> Pretrained: ...
def pretrained(
    name: str | None = None,
    *,
    classes: int | None = None,
    class_names: Sequence[str] = (),
    weights: str | Path | None = IMAGENET,
    input_shape: tuple[int, int, int] | None = None,
    dropout: float = 0.2,
) -> PretrainedModels | Pretrained:
    """List the pretrained models of Keras, or build a model on one of them that scales its images itself.

    With ``classes`` the base is frozen and called in inference mode, and a new head (dropout and a softmax)
    learns on its features; without, it is the whole model for ImageNet's classes. Images go in as they are,
    with colours from 0 to 255: what the model's own ``preprocess_input`` does is part of it, and saved with
    it. Weights that are not on this machine are downloaded with Keras's checksum; a download that was cut
    goes on. Random weights (``weights=None``) are not frozen, for they would never learn.

    Example:
        >>> import nbkeras
        >>> built = nbkeras.pretrained("MobileNetV2", classes=2, weights=None, input_shape=(32, 32, 3))
        >>> built.model.compile("adam", "sparse_categorical_crossentropy")
        >>> built.model.output_shape
        (None, 2)

    Args:
        name: of a model of ``keras.applications``, or of a preset of KerasHub where it is installed; None
            lists them.
        classes: how many classes a new head tells apart; None for the whole model.
        class_names: names of the new head's classes, in the order of their numbers; they say ``classes``,
            too.
        weights: ``"imagenet"``, None for random ones, or the path of a file, ``.weights.h5`` or ``.h5``,
            saved from the base or the whole model.
        input_shape: height, width and 3, in pixels. Default: as the model was trained.
        dropout: share of the features that the new head does without in a step of training. Default 0.2.

    Returns:
        A table of the models, or what was built: ``model``, ``base``, ``decode``.

    Raises:
        Refusal: before anything is changed, for a model, a size or names that can't be, weights that do not
            fit (with the first array that differs), and those that can't be downloaded (with what to do
            offline).
    """
    if name is None:
        return PretrainedModels()
    names = checked_names(class_names, classes) if len(class_names) else ()
    wish = wished(
        name,
        classes=len(names) if names else classes,
        weights=weights,
        input_shape=input_shape,
        dropout=dropout,
    )
    return Pretrained(wish, *built(wish), names)


def built(wish: Wish | PresetWish) -> tuple[Any, Any]:
    """Return the model that is wished for and its base, and show a download while there is one."""
    if isinstance(wish, PresetWish):
        return build(wish, lambda _done, _total: None)
    line = DownloadLine(wish.known.name)
    model, base = build(wish, line)
    line.close(cache.folder(wish.known.line))
    return model, base


def downloaded(wish: Wish | PresetWish) -> str:
    """Bring the weights of what is wished for to this machine, and say in one line where they are.

    Raises:
        Refusal: for what has no file that nbkeras knows, and as a download does.
    """
    file = None
    if isinstance(wish, Wish):
        file = cache.weights_file(wish.known, head=wish.classes is None, size=wish.input_shape[:2])
    if file is None or not isinstance(wish, Wish):
        name = wish.known.name if isinstance(wish, Wish) else wish.preset.name
        raise Refusal(
            f"--download: expected a model of keras.applications whose files nbkeras knows, received {name}: "
            "build it, its own library downloads it"
        )
    line = DownloadLine(wish.known.name)
    path, new = cache.bring(file, wish.known.line, line)
    line.close(path.parent)
    return "" if new else f"{wish.known.name}: here already, {path}"


def shown(name: str) -> Bundle:
    """Return what is known of one model as HTML and as text.

    Raises:
        Refusal: for a model that is not known.
    """
    return model_bundle(find_model(name, active_line()))
