"""Finds and opens the files of a log, on the local disk or under a URI that PyArrow knows."""

from __future__ import annotations

import glob
import pathlib
from collections.abc import Iterable

import pyarrow as pa
from pyarrow import fs

COMPRESSED = (".gz", ".bz2", ".zst", ".lz4")


def match(patterns: Iterable[str], name: str) -> list[str]:
    """Returns the files that match any of the globs, sorted.

    Args:
        patterns: Paths or globs, also URIs such as `s3://bucket/logs/*.parquet`.
        name: Field to name in errors.

    Raises:
        FileNotFoundError: A glob matches no file.
    """
    found: set[str] = set()
    for pattern in patterns:
        paths = _match_uri(pattern) if "://" in pattern else glob.glob(pattern)  # noqa: PTH207
        paths = [path for path in paths if "://" in path or pathlib.Path(path).is_file()]
        if not paths:
            raise FileNotFoundError(f"{name}.files: no file matches {pattern!r}; check the path")
        found.update(paths)
    return sorted(found)


def file_size(path: str) -> int:
    """Returns the bytes of a file."""
    system, inner = _system(path)
    return system.get_file_info(inner).size


def open_file(path: str) -> pa.NativeFile:
    """Opens a file for random access."""
    system, inner = _system(path)
    return system.open_input_file(inner)


def open_stream(path: str) -> pa.NativeFile:
    """Opens a file for reading from its start, decompressed if its suffix says so."""
    system, inner = _system(path)
    return system.open_input_stream(inner, compression="detect")


def is_compressed(path: str) -> bool:
    """Whether a text file has to be read from its start."""
    return path.endswith(COMPRESSED)


def _system(path: str) -> tuple[fs.FileSystem, str]:
    if "://" in path:
        return fs.FileSystem.from_uri(path)
    return fs.LocalFileSystem(), path


def _match_uri(pattern: str) -> list[str]:
    scheme = pattern.split("://", 1)[0]
    wildcard = min((pattern.find(sign) for sign in "*?[" if sign in pattern), default=-1)
    if wildcard < 0:
        system, inner = _system(pattern)
        return [pattern] if system.get_file_info(inner).type == fs.FileType.File else []
    system, folder = _system(pattern[:wildcard].rsplit("/", 1)[0])
    inner = pattern.split("://", 1)[1]
    infos = system.get_file_info(fs.FileSelector(folder, recursive=True, allow_not_found=True))
    return [
        f"{scheme}://{info.path}"
        for info in infos
        if info.type == fs.FileType.File
        # By folders, as on the disk: a `*` stays within one.
        and pathlib.PurePosixPath("/", info.path).match(f"/{inner.lstrip('/')}")
    ]
