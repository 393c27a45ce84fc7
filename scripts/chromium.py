"""Find a Chromium for the browser tests, or install one: Debian's as root, else Playwright's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

COMMANDS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find() -> str | None:
    """Return the path of the Chromium that the tests start, or None."""
    installed = (shutil.which(name) for name in COMMANDS)
    return next((path for path in installed if path and _starts(path)), None) or _from_playwright()


def _starts(path: str) -> bool:
    # Ubuntu's chromium-browser may be a note that asks for a snap, and Playwright's download lack libraries.
    try:
        run = subprocess.run([path, "--version"], capture_output=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return run.returncode == 0


def _from_playwright() -> str | None:
    # Asked in a process of its own: Playwright's driver can't start inside a running event loop.
    code = (
        "from playwright.sync_api import sync_playwright\n"
        "with sync_playwright() as p: print(p.chromium.executable_path)"
    )
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    path = run.stdout.strip()
    return path if path and _starts(path) else None


def install() -> str | None:
    """Install a Chromium by the way that fits this machine and user; return its path, or None."""
    if hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
        print("==> Installing Chromium (Debian's package)", flush=True)
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        apt = ["apt-get", "-qq", "-o", "Dpkg::Use-Pty=0"]
        subprocess.run([*apt, "update"], env=environment, check=False)
        packages = ["chromium", "fonts-dejavu-core"]
        subprocess.run(
            [*apt, "install", "-y", "--no-install-recommends", *packages],
            env=environment,
            stdout=subprocess.DEVNULL,
            check=False,
        )
    if find() is None:
        print("==> Installing Chromium (Playwright's download)", flush=True)
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)
    return find()


if __name__ == "__main__":
    if find() is None and install() is None:
        sys.exit(
            "nbkeras: the browser tests need Chromium, and none could be installed. As root type: "
            "apt install chromium. Without root: .venv/bin/playwright install chromium"
        )
