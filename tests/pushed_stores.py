"""Stores as the pipeline pushes them: into a folder of versions, and below a URI."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import numpy as np

from lifelong.serving.behavior_store import Manifest
from lifelong.serving.behavior_store.indexed_versions import INDEX_FILE, IndexedFile, index_text
from lifelong.serving.behavior_store.lmdb_store import LmdbStore, store_files
from tests.sample_statistics import random_statistics

TIME = 20_000 * 86_400


def make_store(folder: Path, events: int) -> None:
    """Makes a store of as many events of user 1, with statistics."""
    manifest = Manifest(shards=1, source=f"{events} events", statistics_time=TIME)
    with LmdbStore.create(folder, manifest, random_statistics(time=TIME)) as store:
        times = np.arange(events)
        user = np.ones(events, np.int64)
        store.append({"user": user, "item": times, "category": times, "timestamp": times})


def push_to_folder(base: Path, number: int, events: int) -> Path:
    """Makes a version as it is pushed into a folder of this machine; returns its folder."""
    make_store(base / str(number), events)
    return base / str(number)


def push_below_uri(base: Path, number: int, events: int) -> Path:
    """Makes a version as it is pushed to a URI; returns its folder."""
    folder = base / str(number)
    made = base.with_name(f"made-{number}")
    make_store(made, events)
    index = {}
    for name in store_files(Manifest(shards=1, statistics_time=TIME)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        data = (made / name).read_bytes()
        (folder / name).write_bytes(data)
        index[name] = IndexedFile(len(data), hashlib.sha256(data).hexdigest())
    shutil.rmtree(made)
    (folder / INDEX_FILE).write_text(index_text(index))
    return folder
