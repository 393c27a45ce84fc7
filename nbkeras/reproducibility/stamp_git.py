"""The git part of the stamp: the commit of the current directory, and whether files were changed since."""

from __future__ import annotations

import shutil
import subprocess

# A repository of a million files takes longer; then the commit alone is known.
PATIENCE = 5.0


def git_facts() -> dict[str, str]:
    """Return the commit and the number of changed files; empty outside a repository, or without git."""
    commit = _ask("rev-parse", "HEAD")
    if commit is None:
        return {}
    changed = _ask("status", "--porcelain", "--untracked-files=no")
    if changed is None:
        return {"commit": commit}
    count = len(changed.splitlines())
    return {"commit": commit, "changed files": str(count) if count else "none"}


def _ask(*words: str) -> str | None:
    git = shutil.which("git")
    if git is None:
        return None
    # It must not take the lock that a commit of the user's may need at the moment.
    command = [git, "--no-optional-locks", *words]
    try:
        done = subprocess.run(  # noqa: S603 - fixed words
            command, capture_output=True, text=True, timeout=PATIENCE, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
