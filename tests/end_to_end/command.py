"""Runs the `lifelong` command as a user does."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

_MODULE = ("-m", "lifelong.commands.main")
COMMAND = (sys.executable, *_MODULE)
# The interpreter of the platform that the tests do not run on.
OTHER_PYTHON = os.environ.get("LIFELONG_OTHER_PYTHON", "")
needs_other_platform = pytest.mark.skipif(
    not OTHER_PYTHON, reason="LIFELONG_OTHER_PYTHON names no interpreter of the other platform"
)


def lifelong(*arguments: str, status: int = 0, python: str = sys.executable) -> str:
    """Runs the command in a process of its own and returns all it printed.

    Args:
        *arguments: Its arguments.
        status: The exit status it must have.
        python: The interpreter that runs it.
    """
    done = subprocess.run(
        [python, *_MODULE, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    output = done.stdout + done.stderr
    assert done.returncode == status, output
    return output
