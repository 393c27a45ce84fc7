"""Downloads from a real server on this machine: whole, in parts, broken, wrong, and not at all."""

from __future__ import annotations

import fcntl
import hashlib
import resource
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from nbkeras.models.pretrained.download import download
from nbkeras.runtime.refusal import Refusal

CONTENT = bytes(range(256)) * 4096
MD5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()
SHA256 = hashlib.sha256(CONTENT).hexdigest()
HALF = len(CONTENT) // 2


class Server(ThreadingHTTPServer):
    """Sends CONTENT, in the way that a test asks for."""

    ranges = True
    content = CONTENT
    #: How many answers break off after so many bytes.
    breaks = 0
    sent_before_break = HALF
    status = 200

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/weights/base.h5"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        wanted = self.headers.get("Range")
        server.asked.append(wanted)
        if server.status != 200:
            self.send_error(server.status)
            return
        begin = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and server.ranges else 0
        if begin >= len(server.content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(server.content)}")
            self.end_headers()
            return
        body = server.content[begin:]
        self.send_response(206 if wanted and server.ranges else 200)
        self.send_header("Content-Length", str(len(body)))
        if wanted and server.ranges:
            self.send_header(
                "Content-Range", f"bytes {begin}-{len(server.content) - 1}/{len(server.content)}"
            )
        self.end_headers()
        if server.breaks:
            server.breaks -= 1
            body = body[: server.sent_before_break]
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "models" / "base.h5"


def part_of(path):
    return path.with_name("base.h5.part")


@pytest.mark.parametrize("checksum", [MD5, SHA256, ""])
def test_a_file_comes_whole_with_its_progress_and_leaves_no_part(server, path, checksum):
    told = []
    download(server.url, path, checksum=checksum, progress=lambda *each: told.append(each))
    assert path.read_bytes() == CONTENT
    assert list(path.parent.iterdir()) == [path]
    assert told[0] == (0, len(CONTENT))
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert [done for done, _ in told] == sorted(done for done, _ in told)


@pytest.mark.parametrize("ranges", [True, False])
def test_a_connection_that_breaks_is_taken_up_where_it_broke(server, path, ranges):
    server.breaks, server.ranges = 2, ranges
    server.sent_before_break = HALF // 2
    download(server.url, path, checksum=MD5)
    assert path.read_bytes() == CONTENT
    assert server.asked[0] is None
    assert server.asked[1] == f"bytes={HALF // 2}-"
    if ranges:
        assert server.asked[2] == f"bytes={HALF}-"


def test_a_server_that_always_breaks_is_told_and_a_later_call_goes_on(server, path):
    server.breaks, server.sent_before_break = 3, HALF // 4
    with pytest.raises(Refusal, match=r"broke 3 times .*0\.4 MB are here.*type the same again") as refused:
        download(server.url, path, checksum=MD5)
    assert "\n" not in str(refused.value)
    assert not path.exists()
    download(server.url, path, checksum=MD5)
    assert server.asked[-1] == f"bytes={3 * (HALF // 4)}-"
    assert path.read_bytes() == CONTENT


def test_a_part_is_gone_on_with_only_where_a_checksum_proves_it(server, path):
    path.parent.mkdir()
    part_of(path).write_bytes(CONTENT[:HALF])
    download(server.url, path)
    assert server.asked == [None]
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize("left_over", [b"x" * HALF, b"x" * len(CONTENT), b"x" * (len(CONTENT) + 9)])
def test_a_part_of_another_file_is_fetched_anew(server, path, left_over):
    path.parent.mkdir()
    part_of(path).write_bytes(left_over)
    download(server.url, path, checksum=MD5)
    assert path.read_bytes() == CONTENT
    assert server.asked == [f"bytes={len(left_over)}-", None]


def test_a_part_that_is_whole_already_is_taken(server, path):
    path.parent.mkdir()
    part_of(path).write_bytes(CONTENT)
    download(server.url, path, checksum=MD5)
    assert path.read_bytes() == CONTENT


def test_a_wrong_checksum_is_refused_and_nothing_of_it_stays(server, path):
    server.content = CONTENT[:-1] + b"!"
    with pytest.raises(Refusal, match=f"with the checksum {MD5[:12]}…, received another"):
        download(server.url, path, checksum=MD5)
    assert list(path.parent.iterdir()) == []


def test_a_file_that_is_there_stays_as_it_is_when_the_new_one_fails(server, path):
    path.parent.mkdir()
    path.write_bytes(b"mine")
    server.status = 404
    with pytest.raises(Refusal, match=r"received HTTP 404 .*put the file to"):
        download(server.url, path, checksum=MD5)
    assert path.read_bytes() == b"mine"
    assert list(path.parent.iterdir()) == [path]


def test_no_server_is_one_line_with_the_address_and_the_place(path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/base.h5"
    with pytest.raises(Refusal, match=r"expected an answer from 127\.0\.0\.1.*received none") as refused:
        download(url, path)
    assert f"fetch  {url}  and put it to  {path}" in str(refused.value)
    assert list(path.parent.iterdir()) == []


def test_a_server_that_says_nothing_is_waited_for_to_a_limit(path, monkeypatch):
    monkeypatch.setattr("nbkeras.models.pretrained.download._PATIENCE", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/base.h5"
        with pytest.raises(Refusal, match=r"broke 3 times \(TimeoutError"):
            download(url, path)


def test_two_kernels_do_not_write_into_one_part(server, path):
    path.parent.mkdir()
    with part_of(path).open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(Refusal, match="while another kernel brings it"):
            download(server.url, path, checksum=MD5)
    download(server.url, path, checksum=MD5)
    assert path.read_bytes() == CONTENT


def test_too_little_disk_is_told_before_it_is_full(server, path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": HALF}))
    with pytest.raises(Refusal, match="expected 1 MB of free disk"):
        download(server.url, path, checksum=MD5)
    assert not path.exists()


def test_a_disk_that_is_full_on_the_way_is_told_and_a_later_call_goes_on(server, path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # No disk can be filled here: the system refuses to make files larger.
    resource.setrlimit(resource.RLIMIT_FSIZE, (HALF, before[1]))
    try:
        with pytest.raises(Refusal, match=r"expected a disk that can be written to.*File too large") as no:
            download(server.url, path, checksum=MD5)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "\n" not in str(no.value)
    assert not path.exists()
    download(server.url, path, checksum=MD5)
    assert server.asked == [None, f"bytes={HALF}-"]
    assert path.read_bytes() == CONTENT


def test_a_folder_that_cannot_be_made_is_told(server, tmp_path):
    (tmp_path / "models").write_text("a file")
    with pytest.raises(Refusal, match="expected a folder that can be written to"):
        download(server.url, tmp_path / "models" / "base.h5")
