"""Finds and opens the files of a log, on the local disk or under a URI that PyArrow knows."""

from __future__ import annotations

import glob
import os
import pathlib
import urllib.parse
from collections.abc import Iterable, Mapping, Sequence

import pyarrow as pa
from pyarrow import fs

from lifelong.data.file_systems import file_system

COMPRESSED = (".gz", ".bz2", ".zst", ".lz4")
# How Hive writes that a partition's column has no value.
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


def match(
    patterns: Iterable[str], name: str, suffixes: Mapping[str, Sequence[str]] | None = None
) -> list[str]:
    """Returns the files that paths and globs name, sorted.

    A folder stands for all files below it whose suffix is one of the format. What writers leave
    there beside data (`_SUCCESS`, `_metadata`, hidden files, `.crc`) is left out, also where a
    wildcard matches it. Folders that a wildcard matches beside files are left out.

    Args:
        patterns: Paths, folders or globs, also URIs such as `s3://bucket/logs/*.parquet`.
        name: Field to name in errors.
        suffixes: By format that the files may have, with what they end in folders, before the
            suffix of a compression.

    A file that is named in several ways (`logs/a.csv`, `./logs/a.csv`, a link) is read once, unless
    the folders of the names tell other columns.

    Raises:
        FileNotFoundError: A path or glob names no file.
        ValueError: A folder has files of several formats, or a glob has `**`.
    """
    found: set[str] = set()
    for pattern in patterns:
        _check_glob(pattern, name)
        try:
            paths, folders = _match_uri(pattern) if "://" in pattern else _match_local(pattern)
        except (pa.ArrowException, OSError) as error:
            raise FileNotFoundError(f"{name}.files: {pattern!r} cannot be read: {error}") from error
        paths = [path for path in paths if not _happens_to_match(path, pattern)]
        folders = [folder for folder in folders if not _happens_to_match(folder, pattern)]
        if not paths and not folders:
            raise FileNotFoundError(
                f"{name}.files: no file matches {pattern!r}; check the path (commas separate "
                "paths: write a list if a path has one)"
            )
        found.update(paths or _files_below(folders, pattern, name, suffixes or {}))
    return _each_once(sorted(found))


def path_columns(path: str) -> dict[str, str | None]:
    """Returns the columns that the folders of a partitioned log tell, such as `category=12/`."""
    columns: dict[str, str | None] = {}
    for folder in path.split("/")[:-1]:
        name, sign, value = folder.partition("=")
        if name and sign:
            text = urllib.parse.unquote(value)
            columns[urllib.parse.unquote(name)] = None if text == _NO_VALUE else text
    return columns


def file_size(path: str) -> int:
    """Returns the bytes of a file."""
    system, inner = file_system(path)
    return system.get_file_info(inner).size


def size_and_times(path: str) -> tuple[int, tuple[int, ...]]:
    """Returns the bytes of a file, and when it was changed, in nanoseconds since 1970.

    Of a local file also when its entry was, a time that the system sets and no program can.
    """
    system, inner = file_system(path)
    if isinstance(system, fs.LocalFileSystem):
        status = pathlib.Path(inner).stat()
        return status.st_size, (status.st_mtime_ns, status.st_ctime_ns)
    info = system.get_file_info(inner)
    # Not every file system knows it.
    return info.size, (info.mtime_ns or 0,)


def open_file(path: str) -> pa.NativeFile:
    """Opens a file for random access."""
    system, inner = file_system(path)
    return system.open_input_file(inner)


def create_file(path: str) -> pa.NativeFile:
    """Opens a file for writing, in a folder that is there; what it had is gone."""
    system, inner = file_system(path)
    return system.open_output_stream(inner)


def open_stream(path: str, codec: str | None = None) -> pa.NativeFile:
    """Opens a file for reading from its start.

    Args:
        path: The file.
        codec: Compression to undo, as PyArrow calls it; None: none.
    """
    system, inner = file_system(path)
    return system.open_input_stream(inner, compression=codec)


def _check_glob(pattern: str, name: str) -> None:
    """Refuses `**`, which would stand for one folder only and so leave files out."""
    before, sign, _ = pattern.partition("**")
    if sign and ("://" in pattern or not pathlib.Path(pattern).exists()):
        wildcard = min((before.find(sign) for sign in "*?[" if sign in before), default=len(before))
        folder = pattern[:wildcard].rpartition("/")[0] or "."
        raise ValueError(
            f"{name}.files: {pattern!r} has a `**`; name the folder, which stands for all files "
            f"below it ({folder!r}), or write one `*` for each folder"
        )


def _each_once(paths: Sequence[str]) -> list[str]:
    """Leaves out further names of the same local file; under URIs, each name is a file."""
    first: dict[tuple[object, ...], str] = {}
    for path in paths:
        place = path if "://" in path else os.path.realpath(path)
        first.setdefault((place, *path_columns(path).items()), path)
    return list(first.values())


def _happens_to_match(path: str, pattern: str) -> bool:
    """Whether a wildcard of the pattern matches a name that is none of data."""
    return any(
        set(part) & set("*?[") and not part.startswith(("_", ".")) and _is_beside_data(name)
        for part, name in zip(pattern.split("/"), path.split("/"), strict=False)
        if part != name
    )


def _is_beside_data(name: str) -> bool:
    """Whether a file or folder is none of the log, as Spark and Hive have it."""
    is_partition = name.startswith("_") and "=" in name
    return (name.startswith((".", "_")) and not is_partition) or name.endswith(".crc")


def _match_local(pattern: str) -> tuple[list[str], list[str]]:
    """Returns the files and the folders that a path or glob names."""
    # What is there is meant, though brackets stand in its name.
    paths = [pattern] if pathlib.Path(pattern).exists() else glob.glob(pattern)  # noqa: PTH207
    folders = [path for path in paths if pathlib.Path(path).is_dir()]
    return [path for path in paths if pathlib.Path(path).is_file()], folders


def _match_uri(pattern: str) -> tuple[list[str], list[str]]:
    """Does what `_match_local` does, for a URI, whether it is encoded or not."""
    plain = urllib.parse.unquote(pattern)
    found = _match_plain_uri(pattern)
    return found if any(found) or plain == pattern else _match_plain_uri(plain)


def _match_plain_uri(pattern: str) -> tuple[list[str], list[str]]:
    scheme = pattern.split("://", 1)[0]
    wildcard = min((pattern.find(sign) for sign in "*?[" if sign in pattern), default=-1)
    if wildcard < 0:
        system, inner = file_system(pattern)
        kind = system.get_file_info(inner).type
        files = [pattern] if kind == fs.FileType.File else []
        return files, [pattern.rstrip("/")] if kind == fs.FileType.Directory else []
    system, folder = file_system(pattern[:wildcard].rsplit("/", 1)[0])
    inner = pattern.split("://", 1)[1].strip("/")
    infos = system.get_file_info(fs.FileSelector(folder, recursive=True, allow_not_found=True))
    matched = [
        (info.type, f"{scheme}://{info.path}")
        for info in infos
        # By folders, as on the disk: a `*` stays within one.
        if pathlib.PurePosixPath("/", info.path).match(f"/{inner}")
    ]
    return (
        [path for kind, path in matched if kind == fs.FileType.File],
        [path for kind, path in matched if kind == fs.FileType.Directory],
    )


def _files_below(
    folders: Sequence[str], pattern: str, name: str, suffixes: Mapping[str, Sequence[str]]
) -> list[str]:
    """Returns the files in folders that a pattern named, all of one format."""
    paths = [path for folder in folders for path in _all_below(folder)]
    found = {
        kind: [path for path in paths if path.endswith(_with_compression(ends))]
        for kind, ends in suffixes.items()
    }
    kinds = [kind for kind, some in found.items() if some]
    if not kinds:
        ends = ", ".join(end for some in suffixes.values() for end in some)
        raise FileNotFoundError(
            f"{name}.files: no file in the folder {pattern!r} ends with {ends}; name the files by "
            "a glob such as folder/*"
        )
    if len(kinds) > 1:
        raise ValueError(
            f"{name}.files: the folder {pattern!r} has files of several formats "
            f"({', '.join(kinds)}); set {name}.format to one, or name the files by a glob"
        )
    return found[kinds[0]]


def _all_below(folder: str) -> list[str]:
    """Returns all files below a folder that are data."""
    folder = folder.rstrip("/")
    system, inner = file_system(folder)
    infos = system.get_file_info(fs.FileSelector(inner, recursive=True))
    below = [info.path[len(inner) :] for info in infos if info.type == fs.FileType.File]
    return [folder + path for path in below if not any(map(_is_beside_data, path.split("/")))]


def _with_compression(ends: Sequence[str]) -> tuple[str, ...]:
    return tuple(end + packed for end in ends for packed in ("", *COMPRESSED))
