"""A worker's kernel, wherever its folder is."""

from __future__ import annotations

import time

import pytest
import zmq

from nbkeras.cluster.kernel import WorkerKernel

ROOM = zmq.IPC_PATH_MAX_LEN


# The folder's longest path with room for sockets, one more, and far too long.
@pytest.mark.parametrize(("length", "transport"), [(ROOM - 12, "ipc"), (ROOM - 11, "tcp"), (2 * ROOM, "tcp")])
def test_a_folder_whose_path_is_long(tmp_path, length, transport):
    folder = tmp_path / ("d" * (length - len(f"{tmp_path}/")))
    folder.mkdir()
    context = zmq.Context()
    kernel = WorkerKernel(0, folder, context)
    try:
        kernel.start({})
        kernel.send("kernel_info_request", {})
        end = time.monotonic() + 60
        while not any(each["header"]["msg_type"] == "kernel_info_reply" for each in kernel.messages()):
            assert time.monotonic() < end
            time.sleep(0.02)
        assert f'"transport": "{transport}"' in (folder / "worker-0.json").read_text()
    finally:
        kernel.kill()
        context.destroy(linger=0)
