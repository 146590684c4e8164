"""Moves the files of a behaviour store between this machine and an artifact, which may be remote."""

from __future__ import annotations

import os
import shutil
import uuid
from pathlib import Path

from tfx import types
from tfx.dsl.io import fileio

from lifelong.data.newest_statistics import Newest
from lifelong.serving.behavior_store import Manifest
from lifelong.serving.behavior_store.lmdb_file import DATA_FILE
from lifelong.serving.behavior_store.lmdb_store import shard_folder, store_files
from lifelong.serving.behavior_store.manifest import MANIFEST_FILE
from lifelong.serving.behavior_store.statistics_file import STATISTICS_FILE, write_statistics

# Folder of the store in the artifact; beside it lies `counts.json`.
STORE_FOLDER = "store"
# Ends the names of files that are being written.
_PART = ".part"
_COPIED_TOGETHER = 1 << 24


def store_uri(tree: types.Artifact) -> str:
    """Returns the path or URI of the store of a `BehaviorTree`."""
    return f"{tree.uri}/{STORE_FOLDER}"


def put_shard(folder: Path, number: int, uri: str) -> int:
    """Copies a shard that was built on this machine into a store.

    May be called for the same shard again, and by two workers at once: the file of the one that
    ends last stays.

    Args:
        folder: Of the local store.
        number: Of the shard.
        uri: Path or URI of the store.

    Returns:
        Bytes of the shard.
    """
    source = shard_folder(folder, number) / DATA_FILE
    target = _data_file(uri, number)
    fileio.makedirs(target.rpartition("/")[0])
    part = f"{target}.{uuid.uuid4().hex}{_PART}"
    with source.open("rb") as read, fileio.open(part, "wb") as write:
        shutil.copyfileobj(read, write, _COPIED_TOGETHER)
    fileio.rename(part, target, overwrite=True)
    return source.stat().st_size


def put_statistics(statistics: Newest, uri: str) -> int:
    """Writes the counts of all users' events into a store.

    Args:
        statistics: The counts.
        uri: Path or URI of the store; its folder is there.

    Returns:
        Bytes of the file.
    """
    target = f"{uri}/{STATISTICS_FILE}"
    with fileio.open(f"{target}{_PART}", "wb") as file:
        write_statistics(statistics, file)
        size = file.tell()
    fileio.rename(f"{target}{_PART}", target, overwrite=True)
    return size


def finish_store(uri: str, manifest: Manifest) -> int:
    """Declares a store complete, once its shards and its statistics have been put.

    Args:
        uri: Path or URI of the store.
        manifest: Of the store.

    Returns:
        Bytes of the manifest.

    Raises:
        FileNotFoundError: A shard is missing, or statistics of which the manifest tells.
    """
    for number in range(manifest.shards):
        path = _data_file(uri, number)
        if not fileio.exists(path):
            raise FileNotFoundError(f"{path} is missing: a worker has not built its shard")
        for part in fileio.glob(f"{path}.*{_PART}"):  # of workers that were killed
            fileio.remove(part)
    if manifest.statistics_time and not fileio.exists(f"{uri}/{STATISTICS_FILE}"):
        raise FileNotFoundError(f"{uri}/{STATISTICS_FILE} is missing: it has not been written")
    target = f"{uri}/{MANIFEST_FILE}"
    data = manifest.to_json().encode()
    with fileio.open(f"{target}{_PART}", "wb") as file:
        file.write(data)
    fileio.rename(f"{target}{_PART}", target, overwrite=True)
    return len(data)


def read_manifest(uri: str) -> Manifest:
    """Returns the manifest of a store.

    Args:
        uri: Path or URI of the store.

    Raises:
        StoreFormatError: The store is of another format.
    """
    with fileio.open(f"{uri}/{MANIFEST_FILE}", "rb") as file:
        return Manifest.from_json(file.read(), uri)


def fetch_store(uri: str, folder: Path) -> None:
    """Copies a whole store, durably, into a folder of this machine.

    Args:
        uri: Path or URI of the store.
        folder: Made; must not exist yet.
    """
    manifest = read_manifest(uri)
    folder.mkdir(parents=True)
    for name in store_files(manifest):
        (folder / name).parent.mkdir(exist_ok=True)
        _fetch(f"{uri}/{name}", folder / name)


def _fetch(uri: str, target: Path) -> None:
    with fileio.open(uri, "rb") as read, target.open("wb") as write:
        shutil.copyfileobj(read, write, _COPIED_TOGETHER)
        write.flush()
        os.fsync(write.fileno())


def _data_file(uri: str, number: int) -> str:
    return f"{uri}/{shard_folder(Path(), number).name}/{DATA_FILE}"
