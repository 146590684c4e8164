"""Names logs to TFX's file-based driver, which fingerprints them."""

from __future__ import annotations

import glob
import itertools
import os
import pathlib
from collections.abc import Mapping

from tfx.v1 import proto

from lifelong.data.logs.config import LogConfig

# How many folders deep files are looked for below the folder of a log.
_DEEPEST = 6


def inputs_of(logs: Mapping[str, LogConfig]) -> tuple[str, proto.Input]:
    """Returns what TFX's driver fingerprints: a common folder and patterns within it.

    Args:
        logs: Logs by name, each with at least one file or glob.

    Returns:
        The deepest folder that holds all logs, and for each path or glob the input splits that hold
        its files: it may be that of a folder, below which files lie some folders deep.

    Raises:
        ValueError: The logs lie on different file systems.
    """
    patterns = [
        (f"{name}-{index}" if index else name, _absolute(pattern))
        for name, log in logs.items()
        for index, pattern in enumerate(log.patterns)
    ]
    folders = [_plain_folder(pattern) for _, pattern in patterns]
    schemes = {pattern.split("://")[0] if "://" in pattern else "" for _, pattern in patterns}
    if len(schemes) > 1:
        raise ValueError(
            f"the logs lie on different file systems ({', '.join(sorted(schemes))}); put them on one"
        )
    base = os.path.commonpath(folders) if "" in schemes else _common_uri(folders)
    # TFX's globs do not reach into folders by themselves.
    splits = [
        proto.Input.Split(
            name=f"{name}-below-{depth}" if depth else name,
            pattern=pattern[len(base) :].lstrip("/") + "/*" * depth,
        )
        for name, pattern in patterns
        for depth in range(_DEEPEST + 1)
    ]
    return base, proto.Input(splits=splits)


def _absolute(pattern: str) -> str:
    if "://" in pattern:
        return pattern.rstrip("/")
    path = str(pathlib.Path(pattern).absolute())
    # What is there is meant, though brackets stand in its name.
    return glob.escape(path) if pathlib.Path(path).exists() else path


def _plain_folder(pattern: str) -> str:
    """Returns the longest leading folder without a wildcard."""
    parts = pattern.split("/")[:-1]
    plain = next((i for i, part in enumerate(parts) if set(part) & set("*?[")), len(parts))
    return "/".join(parts[:plain]) or "/"


def _common_uri(folders: list[str]) -> str:
    levels = zip(*(folder.split("/") for folder in folders), strict=False)
    same = itertools.takewhile(lambda names: len(set(names)) == 1, levels)
    return "/".join(names[0] for names in same)
