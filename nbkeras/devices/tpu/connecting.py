"""``nbkeras.tpu_connect``: finds a TPU, connects, and makes its strategy the notebook's own."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from nbkeras.devices.current import set_current
from nbkeras.devices.tpu import targets
from nbkeras.devices.tpu.connected import Connected, connected, keep
from nbkeras.devices.tpu.diagnosis import (
    NoTpu,
    findings,
    mismatch_of_libtpu,
    mismatch_of_runtime,
    no_tpu,
)
from nbkeras.devices.tpu.engine import Engine
from nbkeras.devices.tpu.probing import (
    holders,
    runtime_version,
    why_not_looked_up,
    why_silent,
    within,
)
from nbkeras.devices.tpu_hardware import tpu_hardware
from nbkeras.runtime.durations import format_duration, parse_duration
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import timedelta

    from nbkeras.devices.tpu.targets import Target
    from nbkeras.devices.tpu_hardware import TpuHardware

# All looks at all places together: they run side by side.
_LOOKS = 2.5


def tpu_connect(
    name: str | None = None,
    *,
    timeout: float | str | timedelta = 60,
    or_else: Literal["mirrored", "cpu"] | None = None,
    zone: str | None = None,
    project: str | None = None,
) -> Any:
    """Connect to a TPU, initialise it, and make its ``TPUStrategy`` the notebook's strategy.

    Looked at, in this order: the name that is given; the variables that TensorFlow reads; the TPU of this
    machine, as on Colab, Kaggle and Cloud TPU VMs; the variables of older Colab runtimes. Each is looked at
    cheaply before TensorFlow is asked. Where there is no TPU, nothing is changed: TensorFlow is not even
    imported. Called again on a connected TPU it returns the same strategy and keeps all variables.

    Example:
        >>> import nbkeras
        >>> strategy = nbkeras.tpu_connect(or_else="mirrored")  # doctest: +SKIP

    Args:
        name: ``"local"``, an address ``"grpc://host:port"``, or a name in Google Cloud. Default: see above.
        timeout: seconds, or text such as ``"90s"``, after which connecting is given up. Default 60.
        or_else: what to take where there is no TPU: ``"mirrored"``, all GPUs or else the CPU, or ``"cpu"``.
            Default None: a refusal.
        zone: the zone of a TPU that is named. Default: that of this machine.
        project: its project. Default: that of this machine.

    Returns:
        The strategy.

    Raises:
        Refusal: when there is no TPU, it does not answer in time, or an argument can't be meant.
    """
    return connect(name, timeout, or_else, zone, project, say=print).strategy


def connect(
    name: str | None,
    timeout: float | str | timedelta,
    or_else: str | None,
    zone: str | None = None,
    project: str | None = None,
    *,
    say: Callable[[str], None],
    engine: Engine | None = None,
    root: Path = Path("/"),
) -> Connected:
    """Connect as `tpu_connect` does, saying each step.

    Args:
        name: see `tpu_connect`.
        timeout: see there.
        or_else: see there.
        zone: see there.
        project: see there.
        say: takes lines while it works.
        engine: TensorFlow's calls.
        root: where the system's files are.
    """
    seconds = parse_duration(timeout, option="--timeout")
    if or_else is not None:
        targets.checked_or_else(or_else)
    wanted = None if name is None else targets.named(name, zone, project)
    engine = engine or Engine()
    before = connected()
    if before is not None:
        return _again(before, wanted, say, engine)
    try:
        made = _search(wanted, (zone, project), time.monotonic() + seconds, say, engine, root)
    except NoTpu as refusal:
        if or_else is None:
            raise
        strategy, words = engine.without_tpu(or_else)
        _make_current(engine, strategy, words)
        say(f"{str(refusal).partition(';')[0]}: {words} takes its place")
        return Connected(targets.Target("", or_else), strategy, words)
    keep(made)
    _make_current(engine, made.strategy, made.words)
    say(f"{made.words}: the notebook's strategy from now on")
    return made


def _again(before: Connected, wanted: Target | None, say: Callable[[str], None], engine: Engine) -> Connected:
    if wanted is not None and wanted.name != before.target.name:
        text = (
            f"expected {before.target.name}, to which this notebook is connected, received {wanted.name}: "
            "restart the kernel to connect to another one"
        )
        raise Refusal(text)
    _make_current(engine, before.strategy, before.words)
    say(f"{before.words}: connected before, its variables are kept")
    return before


def _make_current(engine: Engine, strategy: Any, words: str) -> None:
    engine.make_default(strategy)
    set_current(strategy, words)


def _search(
    wanted: Target | None,
    place: tuple[str | None, str | None],
    deadline: float,
    say: Callable[[str], None],
    engine: Engine,
    root: Path,
) -> Connected:
    """Try all places in their order, each only after a cheap look."""
    hardware = tpu_hardware(root)
    order = [wanted] if wanted is not None else _order(hardware, place)
    failed: dict[Target, str] = {}
    silent = _looks(order, hardware)
    for target in order:
        why = silent[target] or _try(target, deadline, say, engine, hardware)
        if isinstance(why, Connected):
            return why
        failed[target] = why
    raise no_tpu(findings(hardware, os.environ, failed), failed)


def _order(hardware: TpuHardware, place: tuple[str | None, str | None]) -> list[Target]:
    order = targets.from_environment(os.environ, *place)
    if hardware.is_likely:
        order.append(targets.Target(targets.LOCAL, "this machine"))
    order += targets.from_old_variables(os.environ)
    # The same address in two variables is one place.
    first: dict[str, Target] = {}
    for target in order:
        first.setdefault(target.name, target)
    return list(first.values())


def _looks(order: Sequence[Target], hardware: TpuHardware) -> Mapping[Target, str]:
    """Look at all places side by side; return why each can't be it, empty where it may be."""
    end = time.monotonic() + _LOOKS
    late = f"no answer within {_LOOKS:g} s"
    answers: dict[Target, str] = dict.fromkeys(order, late)

    def look(target: Target) -> None:
        answers[target] = _why_not(target, hardware)

    threads = [threading.Thread(target=look, args=(each,), daemon=True) for each in order]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    return dict(answers)


def _why_not(target: Target, hardware: TpuHardware) -> str:
    if target.is_local:
        return "" if hardware.is_likely else "this machine has no TPU"
    if target.address is not None:
        return why_silent(*target.address)
    return why_not_looked_up(target.zone, target.project, os.environ)


def _try(
    target: Target, deadline: float, say: Callable[[str], None], engine: Engine, hardware: TpuHardware
) -> Connected | str:
    """Connect to one place; return why that failed, if it did."""
    left = deadline - time.monotonic()
    if engine.is_initialized(target):
        # The notebook's own code has done it: to do it again would delete what is in the TPU.
        resolver = engine.resolver(target)
        return _made(target, resolver, engine)
    say(f"{target.words()}: connecting, at most {format_duration(left)}")
    if not target.is_local:
        version = runtime_version(target.address[0]) if target.address else ""
        why = engine.rehearse(target, left)
        if why:
            return "; ".join(filter(None, [_first_line(why), mismatch_of_runtime(version)]))
    try:
        resolver = engine.resolver(target)
        engine.connect(resolver)
        left = max(1.0, deadline - time.monotonic())
        done = within(left, lambda: engine.initialize(resolver))
        if done is True:
            return _made(target, resolver, engine)
    except Exception as error:  # noqa: BLE001 - whatever TensorFlow raises is the reason
        done = error
    if not isinstance(done, Exception):
        text = (
            f"{target.words()} was not initialised in time, and TensorFlow still waits for it: restart the "
            "kernel, and give it longer with --timeout 5m"
        )
        raise Refusal(text)
    return _reason(target, done, hardware)


def _reason(target: Target, error: Exception, hardware: TpuHardware) -> str:
    """Say why TensorFlow could not use a TPU that seemed to be there."""
    text = f"{type(error).__name__}: {error}"
    if "No OpKernel was registered" in text:
        text = (
            "this TensorFlow is not built for TPUs: type  %pip install tensorflow-tpu  and restart the kernel"
        )
    parts = [_first_line(text)]
    if target.is_local:
        others = holders(hardware.files)
        parts.append(f"in use by {', '.join(others)}, and one process alone can use it" if others else "")
        parts.append(mismatch_of_libtpu())
    parts.append("TensorFlow has begun in this kernel by the attempt")
    return "; ".join(filter(None, parts))


def _made(target: Target, resolver: Any, engine: Engine) -> Connected:
    strategy = engine.strategy(resolver)
    count = strategy.num_replicas_in_sync
    return Connected(target, strategy, f"TPU {target.name}, {count} replica{'s' * (count != 1)}")


def _first_line(text: str) -> str:
    line = " ".join(text.split())
    limit = 160
    return line if len(line) <= limit else line[: limit - 1] + "…"
