"""Reads a whole LMDB store and tells what is damaged: `python -m ...behavior_store.verify FOLDER`.

What is stored of users has checksums, and reading it says so if they differ. LMDB's own pages have
none: damage there may end the process that meets it, or hide a user. Hence each shard is read by a
process of its own, and what is found is compared with what should be there.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lifelong.data import columns as cols
from lifelong.data import events as ev
from lifelong.serving.behavior_store.directory import Directory
from lifelong.serving.behavior_store.errors import StoreCorruptedError, StoreError
from lifelong.serving.behavior_store.lmdb_file import outcome, walk
from lifelong.serving.behavior_store.lmdb_shard import LmdbShard
from lifelong.serving.behavior_store.lmdb_store import only_writer, read_manifest, shard_folder
from lifelong.serving.behavior_store.manifest import Manifest
from lifelong.serving.behavior_store.statistics_file import check_statistics
from lifelong.serving.behavior_store.user_tree import UserTree


class VerifyReport(NamedTuple):
    """What is in a store.

    Attributes:
        users: Users that were read.
        blocks: Their blocks.
        events: Their events.
        damage: What is damaged, in words; empty if the store is whole. A store that is damaged is
            to be built again, which the events of the log permit; nothing in it is repaired.
    """

    users: int
    blocks: int
    events: int
    damage: tuple[str, ...]


def verify(folder: str | os.PathLike[str]) -> VerifyReport:
    """Reads a whole store, to be called before it is put to use. Nobody can write meanwhile.

    Args:
        folder: Of an LMDB store.

    Raises:
        FileNotFoundError: There is no store in the folder.
        StoreFormatError: It is of another format, or was not finished.
        StoreLockedError: Another process writes to it.
    """
    path = Path(folder)
    manifest = read_manifest(path)
    with only_writer(path) if os.access(path, os.W_OK) else contextlib.nullcontext():
        reports = [_verify_apart(path, number) for number in range(manifest.shards)]
        reports.append(_verify_statistics(path, manifest))
    return VerifyReport(
        users=sum(report.users for report in reports),
        blocks=sum(report.blocks for report in reports),
        events=sum(report.events for report in reports),
        damage=tuple(damage for report in reports for damage in report.damage),
    )


def _verify_statistics(folder: Path, manifest: Manifest) -> VerifyReport:
    try:
        check_statistics(folder, manifest)
    except StoreError as error:
        return VerifyReport(0, 0, 0, (str(error),))
    return VerifyReport(0, 0, 0, ())


def _verify_apart(folder: Path, number: int) -> VerifyReport:
    """Verifies a shard in a process of its own."""
    command = [sys.executable, "-m", __spec__.name, str(folder), "--shard", str(number)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    problem = outcome(done)
    if problem:
        return VerifyReport(0, 0, 0, (f"{shard_folder(folder, number)}: {problem}",))
    found = json.loads(done.stdout)
    return VerifyReport(**{**found, "damage": tuple(found["damage"])})


def _verify_shard(folder: Path, number: int) -> VerifyReport:
    path = shard_folder(folder, number)
    users = blocks = events = 0
    damage = []
    try:
        with contextlib.closing(LmdbShard(path, read_manifest(folder), number)) as shard:
            problem = walk(path)
            if problem:
                damage.append(f"{path}: {problem}")
            for user, numbers in shard.users():
                try:
                    with shard.read(user) as tree:
                        _check_tree(tree, numbers)
                        events += tree.events
                except StoreError as error:
                    damage.append(f"user {user}: {error}")
                users += 1
                blocks += len(numbers)
            if not damage and shard.counts() != (users, events):
                damage.append(
                    f"{path}: holds {users} users and {events} events; {shard.counts()} were stored"
                )
    except StoreError as error:
        damage.append(str(error))
    return VerifyReport(users, blocks, events, tuple(damage))


def _check_tree(tree: UserTree, numbers: set[int]) -> None:
    """Checks that a directory tells what the blocks hold.

    Args:
        tree: Of a user.
        numbers: Under which blocks of the user are stored.

    Raises:
        StoreCorruptedError: It does not, or a block is damaged.
    """
    directory = tree.directory
    if set(directory.number.tolist()) != numbers:
        raise StoreCorruptedError(
            f"blocks {sorted(numbers)} are stored, blocks {sorted(directory.number.tolist())}"
            " should be"
        )
    events = tree.all()
    blocks = [(int(number), tree.block(row)) for row, number in enumerate(directory.number)]
    if Directory.of(blocks).pack(tree.user) != directory.pack(tree.user):
        raise StoreCorruptedError("the directory tells other events than the blocks hold")
    in_order = np.array_equal(ev.tree_order(events), np.arange(cols.length(events)))
    if not in_order or ev.repeats_previous(events).any():
        raise StoreCorruptedError("events are out of order or repeated")


def main() -> int:
    """Verifies a store and tells what was found; the exit status is 1 if it is damaged."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="of an LMDB store")
    parser.add_argument("--shard", type=int, help="verify this one alone, and answer in JSON")
    given = parser.parse_args()
    if given.shard is not None:
        print(json.dumps(_verify_shard(given.folder, given.shard)._asdict()))
        return 0
    report = verify(given.folder)
    for damage in report.damage:
        print(damage)
    print(f"{report.users} users, {report.blocks} blocks and {report.events} events were read")
    return 1 if report.damage else 0


if __name__ == "__main__":
    sys.exit(main())
