"""Downloads one file: in parts that a later try goes on with, checked before it gets its name."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import re
import shutil
import ssl
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# Seconds until a server must have answered, and between two pieces of what it sends.
_PATIENCE = 10.0
_TRIES = 3
_PIECE = 1 << 18
_SHA256_LENGTH = 64
_PARTIAL, _BEYOND = 206, 416
_MEGABYTE = 1 << 20


def download(
    url: str,
    path: Path,
    *,
    checksum: str = "",
    progress: Callable[[int, int | None], None] = lambda _done, _total: None,
) -> None:
    """Bring a file to a path.

    What has come stands in ``NAME.part`` beside the path; a connection that breaks is tried three times, each
    time from there on (HTTP's ``Range``), and so does a later call where a checksum tells that both parts
    belong together. The file gets its name when it is whole and has its checksum.

    Args:
        url: of the file, ``http`` or ``https``.
        path: where it goes; folders are made.
        checksum: its MD5 or SHA-256, in hexadecimal; without one the length alone is checked.
        progress: called with the bytes that are here and with those of the whole, None while not known.

    Raises:
        Refusal: in one line, with the URL and the path, when no server answers, it answers otherwise than
            with the file, the connection breaks time and again, the file is another one, or the disk is full.
    """
    part = path.with_name(f"{path.name}.part")
    with _written_by_one(part):
        if not checksum:
            part.write_bytes(b"")
        for left in reversed(range(_TRIES)):
            before = part.stat().st_size
            try:
                _go_on(url, part, progress)
                _check(part, checksum, url, tell=not (left and before))
            except urllib.error.HTTPError as error:
                raise Refusal(
                    f"expected the file {url}, received HTTP {error.code} ({error.reason}) from the server: "
                    f"put the file to  {path}  yourself"
                ) from None
            except urllib.error.URLError as error:
                raise Refusal(offline(url, path, error.reason)) from None
            except _BROKEN as error:
                if isinstance(error, _AnotherFileError):
                    part.write_bytes(b"")
                if not left:
                    raise Refusal(_broken(url, path, part, error)) from None
            except OSError as error:
                raise Refusal(
                    f"expected a disk that can be written to, received {part.parent} ({error.strerror}): "
                    "make room, and type the same again"
                ) from None
            else:
                part.replace(path)
                return


class _AnotherFileError(Exception):
    """What has come is not the file that was meant."""


class _CutShortError(Exception):
    """The server has sent less than it said."""


_BROKEN = (
    *(_AnotherFileError, _CutShortError, http.client.HTTPException),
    *(ConnectionError, TimeoutError, ssl.SSLError),
)


def offline(url: str, path: Path, reason: object) -> str:
    """Say in one line that nothing can be had from a server, and what to do without it."""
    return (
        f"expected an answer from {urlsplit(url).netloc}, received none ({reason}): where there is a "
        f"network, fetch  {url}  and put it to  {path}"
    )


def is_right(path: Path, checksum: str) -> bool:
    """Tell whether a file has an MD5 or SHA-256."""
    # MD5 because some of Keras's checksums are: it tells broken files, and is no proof against forged ones.
    digest = hashlib.sha256() if len(checksum) == _SHA256_LENGTH else hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest() == checksum


def _go_on(url: str, part: Path, progress: Callable[[int, int | None], None]) -> None:
    """Add to a part what it lacks."""
    have = part.stat().st_size
    headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={have}-"} if have else {})}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - Keras's own addresses
    try:
        answer = urllib.request.urlopen(request, timeout=_PATIENCE)  # noqa: S310 - as above
    except urllib.error.HTTPError as error:
        if error.code != _BEYOND:
            raise
        if error.headers.get("Content-Range") != f"bytes */{have}":
            raise _AnotherFileError from None
        return
    with answer:
        begins = _begin(answer)
        if begins not in {0, have}:
            raise _AnotherFileError
        length = answer.headers.get("Content-Length")
        total = None if length is None else begins + int(length)
        free = shutil.disk_usage(part.parent).free
        if total is not None and total - begins > free + (have - begins):
            raise Refusal(
                f"expected {(total - begins) / _MEGABYTE:,.0f} MB of free disk, received "
                f"{free / _MEGABYTE:,.0f} MB in {part.parent}: make room, and type the same again"
            )
        with part.open("r+b") as file:
            file.truncate(begins)
            file.seek(begins)
            done = begins
            progress(done, total)
            while piece := answer.read(_PIECE):
                file.write(piece)
                done += len(piece)
                progress(done, total)
    if total is not None and done != total:
        raise _CutShortError


def _begin(answer: Any) -> int:
    """Return the place in the file from which on the server sends it."""
    if answer.status != _PARTIAL:
        return 0
    found = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
    return int(found[1]) if found else -1


def _check(part: Path, checksum: str, url: str, *, tell: bool) -> None:
    """Refuse what has another checksum; a file that was put together from parts is first fetched anew."""
    if not checksum or is_right(part, checksum):
        return
    if not tell:
        raise _AnotherFileError
    part.unlink()
    raise Refusal(
        f"expected the file that Keras knows from {url}, with the checksum {checksum[:12]}…, received "
        "another one, which is removed: type the same again; a proxy that changes files gives the same answer"
    )


def _broken(url: str, path: Path, part: Path, error: Exception) -> str:
    here = f"{part.stat().st_size / _MEGABYTE:,.1f} MB are here"
    return (
        f"expected the whole file from {urlsplit(url).netloc}, received a connection that broke {_TRIES} "
        f"times ({type(error).__name__.strip('_')}; {here}): type the same again, or fetch  {url}  and "
        f"put it to  {path}"
    )


@contextlib.contextmanager
def _written_by_one(part: Path) -> Iterator[None]:
    """Make a part, and keep other kernels from writing into it."""
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        file = part.open("ab")
    except OSError as error:
        raise Refusal(
            f"expected a folder that can be written to, received {part.parent} ({error.strerror}): set the "
            "variable KERAS_HOME to another one before Keras is imported"
        ) from None
    with file:
        try:
            _lock(file)
        except OSError:
            raise Refusal(
                f"expected one download of {part.stem}, received a second one while another kernel brings "
                "it: wait for that one"
            ) from None
        try:
            yield
        finally:
            if part.exists() and not part.stat().st_size:
                part.unlink()


def _lock(file: Any) -> None:
    with contextlib.suppress(ImportError):  # Windows has no fcntl
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
