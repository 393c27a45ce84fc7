"""Frames of all threads, in a process that collects its garbage as often as can be."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from nbkeras.runtime.thread_frames import thread_frames

# Frames are made for each thread, and what is freed meanwhile is what waits for the list of threads.
SCRIPT = """
import gc, sys, threading
from nbkeras.runtime.thread_frames import thread_frames

ask = {"bare": sys._current_frames, "mended": thread_frames}[sys.argv[1]]
end = threading.Event()


def stand(depth):
    return stand(depth - 1) if depth else end.wait()


for _ in range(8):
    threading.Thread(target=stand, args=(20,), daemon=True).start()
gc.set_threshold(1, 1, 1)
for _ in range(300):
    for _ in range(5):
        ring = [threading.local()]
        ring.append(ring)
    del ring
    assert len(ask()) == 9
print("ends", gc.isenabled(), flush=True)
"""


def ends(how, timeout):
    """Return what the script says as it ends; None when it has not within some seconds."""
    command = [sys.executable, "-c", SCRIPT, how]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=timeout
        )
    except subprocess.TimeoutExpired:
        return None
    return done.stdout or done.stderr


def test_garbage_is_collected_before_and_after():
    assert ends("mended", 60) == "ends True\n"


@pytest.mark.skipif(sys.version_info[:3] != (3, 11, 7), reason="seen with CPython 3.11.7")
@pytest.mark.costly
def test_without_the_mend_the_process_stands_still():
    """Where Python itself does not any more, the mend has had its time."""
    assert ends("bare", 20) is None


def test_each_thread_has_one():
    assert threading.get_ident() in thread_frames()
