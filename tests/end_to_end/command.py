"""Runs the `lifelong` command as a user does."""

from __future__ import annotations

import subprocess
import sys

COMMAND = (sys.executable, "-m", "lifelong.commands.main")


def lifelong(*arguments: str, status: int = 0) -> str:
    """Runs the command in a process of its own and returns all it printed.

    Args:
        *arguments: Its arguments.
        status: The exit status it must have.
    """
    done = subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    output = done.stdout + done.stderr
    assert done.returncode == status, output
    return output
