"""What may go wrong with an LMDB store: killed writers, damaged files, full disks, two at once."""

import collections
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from lifelong.data.contract import VERSION, DataContract
from lifelong.serving.behavior_store import (
    Manifest,
    StoreCorruptedError,
    StoreError,
    StoreFormatError,
    StoreFullError,
    StoreLockedError,
    open_store,
)
from lifelong.serving.behavior_store.directory import Directory
from lifelong.serving.behavior_store.lmdb_file import DATA_FILE
from lifelong.serving.behavior_store.lmdb_store import (
    MANIFEST_FILE,
    LmdbStore,
    build_shard,
    finish_build,
    shard_folder,
)
from lifelong.serving.behavior_store.manifest import FORMAT_VERSION
from lifelong.serving.behavior_store.packed_user import pack_user
from lifelong.serving.behavior_store.verify import verify

pytestmark = pytest.mark.slow

MANIFEST = Manifest(shards=2, block_size=16)
USERS = range(40)


def events_of(user, count=60):
    """Events of a user: their items tell the user, so that mixed-up ones are seen."""
    number = np.arange(count)
    return {"item": 1000 * user + number, "category": number % 7, "timestamp": 10 * number + user}


def columns(user, numbers):
    events = {name: column[list(numbers)] for name, column in events_of(user, 1000).items()}
    return {"user": np.full(len(numbers), user), **events}


def build(folder, manifest=MANIFEST):
    for shard in range(manifest.shards):
        users = [user for user in USERS if manifest.shard_of_user(user) == shard]
        packed = (pack_user(user, events_of(user), manifest.block_size) for user in users)
        build_shard(folder, manifest, shard, packed)
    finish_build(folder, manifest)


def start(code, *arguments):
    """Starts a Python process that runs code with what the tests have."""
    prelude = (
        "import sys; from tests.serving.behavior_store.test_lmdb_faults import *\n"
        "import time, itertools; from pathlib import Path\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", prelude + textwrap.dedent(code), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def kill(process):
    process.send_signal(signal.SIGKILL)
    output, _ = process.communicate()
    assert process.returncode == -signal.SIGKILL
    return output


def read_all(folder):
    """Returns what a store holds: (timestamp, item, category) by user."""
    with open_store(folder) as store:
        held = {}
        for packed in list(store.scan()):
            found = store.history(packed.user, 10_000)
            names = ("timestamp", "item", "category")
            held[packed.user] = list(zip(*(found[name].tolist() for name in names), strict=True))
        assert store.size()[:2] == (len(held), sum(map(len, held.values())))
        return held


def test_a_killed_build_is_no_store_and_may_be_repeated(tmp_path):
    folder = tmp_path / "store"
    process = start(
        """
        def users():
            user = next(u for u in USERS if MANIFEST.shard_of_user(u) == 1)
            yield pack_user(user, events_of(user), 16)
            print("under way", flush=True)
            time.sleep(60)

        folder = Path(sys.argv[1])
        build_shard(folder, MANIFEST, 0, ())
        build_shard(folder, MANIFEST, 1, users())
        """,
        folder,
    )
    assert process.stdout.readline() == "under way\n"
    kill(process)
    with pytest.raises(StoreFormatError, match="building it was not finished; build it again"):
        open_store(folder)
    build(folder)
    assert read_all(folder).keys() == set(USERS)
    assert [path.name for path in folder.glob("*.part")] == []
    with pytest.raises(FileExistsError, match="holds a behaviour store"):
        build(folder)


def test_a_killed_append_loses_nothing_it_acknowledged_and_doubles_nothing(tmp_path):
    """Again and again into the same store: each process goes on where the last was killed."""
    folder = tmp_path / "store"
    LmdbStore.create(folder, MANIFEST).close()
    rng = np.random.default_rng(0)
    acknowledged = 0
    for _ in range(8):
        process = start(
            """
            with open_store(sys.argv[1], writable=True) as store:
                # The last one may have been stored without being acknowledged: once more.
                for number in itertools.count(int(sys.argv[2])):
                    for user in USERS[:3]:
                        store.append(columns(user, [number]))
                    print(number, flush=True)
            """,
            folder,
            acknowledged,
        )
        for _ in range(int(rng.integers(1, 40))):
            line = process.stdout.readline()
            assert line, process.stderr.read()
        rest = kill(process).splitlines()
        numbers = [int(number) for number in [line, *rest] if number.strip().isdigit()]
        acknowledged = max(numbers) + 1
    held = read_all(folder)
    for user in USERS[:3]:
        items = collections.Counter(item for _, item, _ in held[user])
        assert set(items.values()) == {1}
        expected = {1000 * user + number for number in range(acknowledged)}
        assert expected <= items.keys() <= expected | {1000 * user + acknowledged}
    assert verify(folder).damage == ()


def test_two_writers_are_refused_readers_are_not(tmp_path):
    build(tmp_path)
    process = start(
        """
        with open_store(sys.argv[1], writable=True):
            print("writing", flush=True)
            time.sleep(60)
        """,
        tmp_path,
    )
    assert process.stdout.readline() == "writing\n"
    with pytest.raises(StoreLockedError, match=f"process {process.pid} is writing to {tmp_path}"):
        open_store(tmp_path, writable=True)
    assert read_all(tmp_path).keys() == set(USERS)
    kill(process)
    # A killed writer leaves no lock.
    with open_store(tmp_path, writable=True) as store:
        assert store.append(columns(0, [500])).added == 1
        with pytest.raises(StoreLockedError):
            open_store(tmp_path, writable=True)


def test_a_reader_sees_whole_appends_while_another_process_writes(tmp_path):
    """Each append adds one event to each of two users of a shard: a reader sees both or none."""
    build(tmp_path)
    first, second = [user for user in USERS if MANIFEST.shard_of_user(user) == 0][:2]
    process = start(
        """
        first, second = int(sys.argv[2]), int(sys.argv[3])
        with open_store(sys.argv[1], writable=True) as store:
            for number in range(60, 400):
                both = [columns(user, [number]) for user in (first, second)]
                store.append({k: np.concatenate([c[k] for c in both]) for k in both[0]})
        """,
        tmp_path,
        first,
        second,
    )
    counts = set()
    with open_store(tmp_path) as store:
        while process.poll() is None:
            with store.read_many([first]) as (tree,):
                before = tree.events
                with store.read(second) as other:
                    assert other.events >= before
                # The open tree stays as it was when it was opened.
                assert len(tree.history(1000)["item"]) == tree.events == before
            counts.add(before)
        assert len(store.history(first, 1000)["item"]) == 400
    assert process.wait() == 0
    assert len(counts) > 2


@pytest.mark.parametrize("kept", [0, 1, 4096, 3 * 4096 - 1, 0.5, -1])
def test_a_truncated_shard_is_refused(kept, tmp_path):
    build(tmp_path)
    path = shard_folder(tmp_path, 1) / DATA_FILE
    size = path.stat().st_size
    os.truncate(path, size - 4096 if kept == -1 else int(kept * size) if kept == 0.5 else kept)
    with pytest.raises(StoreCorruptedError, match=f"{path} is .*build the store again"):
        open_store(tmp_path)


def test_a_missing_shard_and_one_of_another_store_are_refused(tmp_path):
    build(tmp_path / "here")
    build(
        tmp_path / "there",
        Manifest(contract=DataContract(VERSION, id_space="another"), shards=2, block_size=16),
    )
    shard = shard_folder(tmp_path / "here", 1)
    shutil.rmtree(shard)
    with pytest.raises(StoreCorruptedError, match=f"{shard}.* is missing; build the store again"):
        open_store(tmp_path / "here")
    shutil.copytree(shard_folder(tmp_path / "there", 1), shard)
    with pytest.raises(StoreFormatError, match="is not shard 1 of the store that its folder desc"):
        open_store(tmp_path / "here")
    shutil.rmtree(shard)
    shutil.copytree(shard_folder(tmp_path / "here", 0), shard)
    with pytest.raises(StoreFormatError, match="is not shard 1 of the store that its folder desc"):
        open_store(tmp_path / "here")


@pytest.mark.parametrize(
    ("version", "fix"), [(99, "update lifelong"), (2, "run `lifelong run` again")]
)
def test_another_format_version_is_refused(version, fix, tmp_path):
    build(tmp_path)
    path = tmp_path / MANIFEST_FILE
    fields = {**json.loads(path.read_text()), "format_version": version}
    path.write_text(json.dumps(fields))
    with pytest.raises(
        StoreFormatError, match=f"format {version}, .* reads format {FORMAT_VERSION}; {fix}"
    ):
        open_store(tmp_path)


@pytest.mark.parametrize("part_of_page", [4096, 64])
def test_flipped_bits_never_give_wrong_events(part_of_page, tmp_path):
    """Everywhere in the file, and where LMDB's pages begin: what is read is right, or refused.

    `verify` finds what ends readers.
    """
    build(tmp_path / "whole")
    rng = np.random.default_rng(1)
    for index in range(40):
        folder = tmp_path / str(index)
        shutil.copytree(tmp_path / "whole", folder)
        path = shard_folder(folder, index % 2) / DATA_FILE
        data = bytearray(path.read_bytes())
        place = 4096 * rng.integers(len(data) // 4096) + rng.integers(part_of_page)
        data[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(data)
    # Each is read by a fork of a small process: LMDB's own pages have no checksums, and damage there
    # may end who reads them.
    process = start(
        """
        for index in range(40):
            child = os.fork()
            if not child:
                os._exit(outcome_of_reading(Path(sys.argv[1]) / str(index)))
            _, status = os.waitpid(child, 0)
            print("crashed" if os.WIFSIGNALED(status) else OUTCOMES[os.WEXITSTATUS(status)])
        """,
        tmp_path,
    )
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    outcomes = output.split()
    assert len(outcomes) == 40
    assert "wrong" not in outcomes
    assert {"right", "refused"} <= set(outcomes)
    for index, outcome in enumerate(outcomes):
        if outcome == "crashed":
            assert verify(tmp_path / str(index)).damage
    assert outcomes.count("crashed") <= 4


OUTCOMES = ("right", "refused", "wrong")


def outcome_of_reading(folder):
    """Returns the place in `OUTCOMES` of what reading a store that `build` made gives."""
    try:
        held = read_all(folder)
    except (StoreError, AssertionError):  # the second: counts that differ from what was read
        return 1
    names = ("timestamp", "item", "category")
    expected = {
        user: sorted(zip(*(events_of(user)[name].tolist() for name in names), strict=True))
        for user in USERS
    }
    return 0 if {user: sorted(rows) for user, rows in held.items()} == expected else 2


def test_verify_names_what_is_damaged(tmp_path):
    build(tmp_path)
    report = verify(tmp_path)
    assert (report.users, report.events, report.damage) == (len(USERS), 60 * len(USERS), ())
    path = shard_folder(tmp_path, 0) / DATA_FILE
    data = path.read_bytes()
    # The bytes of a packed block, which nothing else resembles.
    user = next(user for user in USERS if MANIFEST.shard_of_user(user) == 0)
    block = next(iter(pack_user(user, events_of(user), 16).blocks.values()))
    place = data.index(block) + len(block) // 2
    path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
    (damage,) = verify(tmp_path).damage
    assert f"user {user}" in damage
    assert "checksum" in damage


def test_verify_tells_a_directory_of_other_days(tmp_path):
    with LmdbStore.create(tmp_path, dataclasses.replace(MANIFEST, shards=1)) as store:
        packed = pack_user(1, events_of(1), 16)
        directory = Directory.unpack(packed.directory, 1)
        days = dataclasses.replace(directory.days, number=directory.days.number + 1)
        wrong = dataclasses.replace(directory, days=days).pack(1)
        store.load([packed._replace(directory=wrong)])
    (damage,) = verify(tmp_path).damage
    assert damage == "user 1: the directory tells other events than the blocks hold"


@pytest.fixture
def small_disk(tmp_path):
    """A file system of two megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no file system can be mounted here (it takes root): {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_told_and_what_was_stored_stays(small_disk):
    stored = 0
    with LmdbStore.create(small_disk / "store", Manifest(shards=1, block_size=64)) as store:

        def fill():
            nonlocal stored
            for stored in range(10_000):
                store.append(columns(stored, range(400)))

        with pytest.raises(StoreFullError, match=r"the disk takes no more .* Make room and write"):
            fill()
        assert stored > 5
        for user in range(stored):
            assert len(store.history(user, 1000)["item"]) == 400
        # Another process has to note on the full disk what it reads.
        process = start("print(len(read_all(sys.argv[1])))", small_disk / "store")
        output, errors = process.communicate()
        assert output == f"{stored}\n", errors
        room = ["mount", "-o", "remount,size=8m", str(small_disk)]
        subprocess.run(room, check=True)
        assert store.append(columns(stored, range(400))).added == 400
        assert store.size()[:2] == (stored + 1, 400 * (stored + 1))
    assert verify(small_disk / "store").damage == ()


def test_a_build_on_a_full_disk_leaves_nothing(small_disk):
    users = (pack_user(user, events_of(user, 1000), 64) for user in range(1000))
    with pytest.raises(StoreFullError, match="the disk takes no more"):
        build_shard(small_disk / "store", Manifest(shards=1, block_size=64), 0, users)
    assert list((small_disk / "store").iterdir()) == []


def test_a_store_is_opened_after_forking(tmp_path):
    build(tmp_path)
    process = start(
        """
        with open_store(sys.argv[1]) as store:
            child = os.fork()
            if not child:
                try:
                    store.history(0, 1)
                except StoreError as error:
                    print(error, flush=True)
                os._exit(0)
            os.waitpid(child, 0)
            print(len(store.history(0, 5)["item"]))
        """,
        tmp_path,
    )
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    in_child, in_parent = output.splitlines()
    assert "open a store after forking" in in_child
    assert in_parent == "5"


def test_a_process_may_open_a_store_several_times(tmp_path):
    build(tmp_path)
    with open_store(tmp_path) as reader, open_store(tmp_path, writable=True) as writer:
        writer.append(columns(0, [700]))
        assert reader.history(0, 1)["item"].tolist() == [700]
    with open_store(tmp_path) as again:
        assert again.history(0, 1)["item"].tolist() == [700]
