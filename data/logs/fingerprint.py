"""Fingerprints files, so that what was made of them is made again when one of them changes."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from lifelong.data.logs import files
from lifelong.data.logs.config import LogConfig
from lifelong.data.logs.formats import suffixes_of

# Bytes that are read of a file at its start, in its middle and at its end.
_SAMPLE = 1 << 16
# Object stores answer slowly, and many calls at a time.
_THREADS = 16


def log_fingerprints(logs: Mapping[str, LogConfig]) -> dict[str, str]:
    """Fingerprints logs by the names, sizes and times of their files and a sample of their content.

    Of local files the time at which the system last changed them, which no program can set, is taken
    with the modification time: so is noticed what was rewritten in place.

    Args:
        logs: The logs by name.

    Returns:
        A short text by name, equal as long as the log is.

    Raises:
        FileNotFoundError: A log has no file, or one cannot be read.
    """
    return {
        name: _fingerprint(files.match(log.patterns, name, suffixes_of(log.format)))
        for name, log in logs.items()
    }


class Sampled(NamedTuple):
    """A file of which a sample is read.

    Attributes:
        label: What is to be compared beside size and content, such as its name.
        size: Number of bytes.
        open: Opens it for reading bytes.
    """

    label: str
    size: int
    open: Callable[[], AbstractContextManager[Any]]


def sample_digest(sampled: Sequence[Sampled]) -> str:
    """Returns a digest of files' labels and sizes and of the start, middle and end of their content.

    Args:
        sampled: The files, in an order of which the digest is to be one.
    """
    with ThreadPoolExecutor(_THREADS) as pool:
        return hashlib.sha256(b"".join(pool.map(_digest, sampled))).hexdigest()[:32]


def _digest(file: Sampled) -> bytes:
    digest = hashlib.sha256(f"{file.label}\n{file.size}\n".encode())
    with file.open() as opened:
        for start in sorted({0, max((file.size - _SAMPLE) // 2, 0), max(file.size - _SAMPLE, 0)}):
            opened.seek(start)
            digest.update(opened.read(_SAMPLE))
    return digest.digest()


def _fingerprint(paths: Sequence[str]) -> str:
    with ThreadPoolExecutor(_THREADS) as pool:
        sampled = list(pool.map(_sampled, paths))
    size = sum(file.size for file in sampled)
    return f"files:{len(paths)},bytes:{size},sha256:{sample_digest(sampled)}"


def _sampled(path: str) -> Sampled:
    size, times = files.size_and_times(path)
    return Sampled(f"{path} {times}", size, functools.partial(files.open_file, path))
