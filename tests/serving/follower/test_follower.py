import contextlib
import json
import math
import shutil

import pytest

from lifelong.serving.behavior_store import (
    Retention,
    StoreFullError,
    StoreLockedError,
    StoreUnavailableError,
    open_store,
)
from lifelong.serving.behavior_store.lmdb_store import LmdbStore
from lifelong.serving.behavior_store.packed_user import pack_user
from lifelong.serving.behavior_store.redis_store import RedisStore
from lifelong.serving.behavior_store.store import by_user
from lifelong.serving.follower.chunk import Chunk
from lifelong.serving.follower.follower import Follower, Pace
from lifelong.serving.follower.live_store import LiveStore
from lifelong.serving.follower.quarantine import Quarantine
from lifelong.serving.follower.report import Report
from lifelong.serving.follower.stop_signal import StopSignal
from lifelong.serving.follower.tail import FileTail
from tests.redis_server import RedisServer

NOW = 1_500_000_000


def row(user=1, item=2, category=3, timestamp=NOW, channel="web", qty=1.0):
    return {
        "user": user,
        "item": item,
        "category": category,
        "timestamp": timestamp,
        "channel": channel,
        "qty": qty,
    }


def many(count, first=0):
    """Events of some users, with ties in time and item, in no order of time."""
    return [
        row(
            user=i % 7,
            item=i % 5,
            category=i % 3,
            timestamp=NOW + (i * 37) % 11,
            channel=f"c{i % 2}",
            qty=float(i),
        )
        for i in range(first, first + count)
    ]


def append(path, rows):
    with path.open("a") as file:
        file.writelines(json.dumps(one) + "\n" for one in rows)


class ScriptedTail(FileTail):
    """Does the next step whenever there is nothing to read, and stops after the last."""

    def script(self, stop, steps):
        self.stop, self.steps = stop, iter(steps)
        return self

    def next(self):
        chunk = super().next()
        if chunk is None and not self.ended:
            step = next(self.steps, self.stop.set)
            step()
        return chunk


class NoWait(StopSignal):
    """Its waits are noted and over at once."""

    def __init__(self):
        super().__init__()
        self.waits = []
        self.during_wait = lambda: None

    def wait(self, timeout):
        self.waits.append(timeout)
        self.during_wait()


class Setup:
    """Everything around a follower, anew for each run of it."""

    def __init__(self, folder, address, parser):
        self.log, self.bad = folder / "events.jsonl", folder / "bad.jsonl"
        self.address, self.parser = address, parser
        self.told = []
        self.during_wait = lambda: None

    def run(self, *steps, follow=True, max_lines=10, live=None, now=lambda: 0.0, **pace):
        self.stop = NoWait()
        self.stop.during_wait = lambda: self.during_wait()
        self.report = Report(print, self.told.append, 0.01, 10)
        tail = ScriptedTail(self.log, follow, max_lines, self.told.append, 0.0)
        self.follower = Follower(
            source=tail.script(self.stop, steps),
            name="events",
            store=live or LiveStore(str(self.address), self.told.append, look_every_s=0),
            make_parser=lambda store: self.parser,
            quarantine=Quarantine(self.bad, self.told.append),
            report=self.report,
            tell=self.told.append,
            pace=Pace(poll_s=0, **pace),
            stop=self.stop,
            clock=now,
        )
        with contextlib.closing(self.stop):
            self.follower.run()
        return self.report.total

    def append(self, rows):
        return lambda: append(self.log, rows)


@pytest.fixture
def setup(tmp_path, new_store, parser):
    return Setup(tmp_path, new_store(tmp_path / "versions" / "1"), parser)


@pytest.fixture
def loaded(tmp_path, new_store, parser, stored):
    """What a store holds into which events were loaded in bulk."""

    def load(rows):
        data = b"".join(json.dumps(one).encode() + b"\n" for one in rows)
        events = parser.parse(Chunk("all", b"", data, 1, 0)).events
        with LmdbStore(new_store(tmp_path / "loaded"), writable=True) as store:
            size = store.manifest.block_size
            users = [pack_user(user, part, size) for user, part in by_user(events)]
            store.load(sorted(users, key=lambda u: (store.manifest.shard_of_user(u.user), u.user)))
            found = stored(store)
        shutil.rmtree(tmp_path / "loaded")
        return found

    return load


def content(address, stored):
    with open_store(address) as store:
        return stored(store)


def test_a_followed_file_gives_what_loading_it_gives(setup, stored, loaded):
    append(setup.log, many(95))
    late = [row(user=3, timestamp=NOW - 500, item=i) for i in (9, 4)]
    total = setup.run(setup.append(many(30, 90)), setup.append(late))
    assert (total.lines, total.added, total.duplicates) == (127, 122, 5)
    assert content(setup.address, stored) == loaded(many(120) + late)
    assert not setup.follower.finished
    assert setup.told == []


def test_the_next_run_goes_on_where_the_last_one_stopped(setup, stored, loaded):
    append(setup.log, many(25))
    assert setup.run(follow=False).added == 25
    append(setup.log, many(25, 25))
    total = setup.run(follow=False)
    assert (total.lines, total.added, total.duplicates) == (25, 25, 0)
    assert setup.follower.finished
    assert content(setup.address, stored) == loaded(many(50))


def test_an_unfinished_line_is_read_again_when_it_is_whole(setup, stored, loaded):
    whole = json.dumps(row(item=77))
    setup.log.write_text(json.dumps(row()) + "\n" + whole[:40])
    total = setup.run(follow=False)
    assert (total.added, total.bad) == (1, 1)
    assert "has no end" in setup.bad.read_text()
    with setup.log.open("a") as file:
        file.write(whole[40:])
    total = setup.run(follow=False)
    assert (total.lines, total.added, total.bad) == (1, 1, 0)
    with setup.log.open("a") as file:
        file.write("\n")
    total = setup.run(follow=False)
    assert (total.lines, total.duplicates) == (1, 1)
    assert content(setup.address, stored) == loaded([row(), row(item=77)])


def test_while_following_an_unfinished_line_is_left_alone(setup):
    whole = json.dumps(row()) + "\n"
    setup.log.write_text(whole[:30])

    def finish():
        assert setup.report.total.lines == 0
        setup.log.write_text(whole)

    assert setup.run(finish).added == 1


def test_bad_lines_are_set_aside(setup, stored, loaded):
    setup.log.write_text("{\n")
    append(setup.log, [row(), row(item=-1), row(item=5)])
    total = setup.run()
    assert (total.lines, total.added, total.bad) == (4, 2, 2)
    bad = [json.loads(text) for text in setup.bad.read_text().splitlines()]
    assert [(one["line"], one["reason"]) for one in bad] == [
        (1, "malformed JSON"),
        (3, "item: negative"),
    ]
    assert bad[1]["text"] == json.dumps(row(item=-1))
    raw = setup.log.read_bytes()
    assert raw[bad[1]["offset"] :].startswith(bad[1]["text"].encode())
    assert content(setup.address, stored) == loaded([row(), row(item=5)])


@pytest.mark.parametrize("rotation", ["rename", "truncate"])
def test_a_rotated_file(setup, stored, loaded, rotation):
    append(setup.log, many(25))

    def rotate():
        if rotation == "rename":
            setup.log.rename(setup.log.with_name("events.jsonl.1"))
            setup.log.touch()
        else:
            setup.log.write_text("")

    total = setup.run(rotate, setup.append(many(40, 20)))
    assert (total.added, total.duplicates) == (60, 5)
    assert content(setup.address, stored) == loaded(many(60))
    assert len(setup.told) == 1
    append(setup.log, many(1, 99))
    assert setup.run().lines == 1  # the position is one of the new file


def test_a_newer_store_gets_the_whole_file(setup, new_store, stored, loaded, tmp_path):
    setup.address = tmp_path / "versions"
    append(setup.log, many(25))
    total = setup.run(
        lambda: new_store(tmp_path / "versions" / "2"), lambda: None, setup.append(many(5, 25))
    )
    assert total.lines == 25 + 30
    assert content(tmp_path / "versions" / "1", stored) == loaded(many(25))
    assert content(tmp_path / "versions" / "2", stored) == loaded(many(30))
    assert setup.told == [f"goes on with the newer store {tmp_path / 'versions' / '2'}"]


class Failing:
    """A store that fails at some calls."""

    def __init__(self, store, failures):
        self._store = store
        self._failures = failures
        self.manifest = store.manifest

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._store.close()

    def __getattr__(self, name):
        error = (
            next(self._failures, None) if name in ("append", "commit_offset", "offset") else None
        )
        if error is not None:
            if name == "append":  # part of it was done

                def append(events):
                    self._store.append({key: value[:3] for key, value in events.items()})
                    raise error

                return append
            raise error
        return getattr(self._store, name)


class FailingLive(LiveStore):
    def __init__(self, address, tell, failures):
        super().__init__(str(address), tell, look_every_s=0)
        self._failures = iter(failures)

    def open(self):
        return Failing(super().open(), self._failures)


def test_a_store_out_of_reach_is_waited_for(setup, stored, loaded):
    append(setup.log, many(35))
    lost = StoreUnavailableError("the server does not answer")
    # Calls: offset, then append and commit_offset for each chunk.
    failures = [None, None, None, lost, lost, lost, None, None, lost, None, None, None]
    live = FailingLive(setup.address, setup.told.append, failures)
    total = setup.run(live=live)
    assert content(setup.address, stored) == loaded(many(35))
    assert total.lines == 35
    assert [wait for wait in setup.stop.waits if wait] == [0.5, 1, 2, 4]
    assert [text.split(";")[0] for text in setup.told] == [
        "the server does not answer",
        "the store is back after 0 s",
    ]


def test_waiting_for_a_store_ends_with_the_stop_signal(setup):
    append(setup.log, many(5))
    lost = StoreUnavailableError("the server does not answer")
    live = FailingLive(setup.address, setup.told.append, [lost] * 10)
    setup.during_wait = lambda: len(setup.stop.waits) < 8 or setup.stop.set()
    setup.run(live=live)
    assert setup.stop.waits == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert not setup.follower.finished


def test_without_patience_a_store_out_of_reach_is_an_error(setup):
    append(setup.log, many(5))
    lost = StoreUnavailableError("the server does not answer")
    live = FailingLive(setup.address, setup.told.append, [lost] * 10)
    seconds = iter(range(0, 1000, 25))
    with pytest.raises(StoreUnavailableError, match="does not answer"):
        setup.run(live=live, follow=False, give_up_s=60, now=lambda: next(seconds))


def test_a_full_store_ends_it_and_the_next_run_goes_on(setup, stored, loaded):
    append(setup.log, many(25))
    live = FailingLive(
        setup.address, setup.told.append, [None, None, None, StoreFullError("no space left")]
    )
    with pytest.raises(StoreFullError, match="no space left"):
        setup.run(live=live)
    assert setup.report.total.added == 10
    total = setup.run()
    assert (total.added, total.duplicates) == (12, 3)
    assert content(setup.address, stored) == loaded(many(25))


def test_a_store_in_other_hands(setup):
    with open_store(setup.address, writable=True), pytest.raises(StoreLockedError):
        setup.run()


class WatchedLive(LiveStore):
    def open(self):
        self.store = super().open()
        return self.store


def test_retention_at_the_start_and_then_now_and_then(setup, stored):
    append(setup.log, [row(timestamp=NOW + i) for i in range(5)])
    live = WatchedLive(str(setup.address), print)
    seconds = [0.0]

    def an_hour_later():
        seconds[0] += 3600

    def check(*expected):
        def step():
            assert [event[3] - NOW for event in stored(live.store)] == list(expected)

        return step

    setup.run(
        check(0, 1, 2, 3, 4),
        an_hour_later,
        check(3, 4),
        setup.append([row(timestamp=NOW + 9)]),
        check(3, 4, 9),
        an_hour_later,
        check(4, 9),
        live=live,
        retention=Retention(max_events=2),
        retain_every_s=3600,
        now=lambda: seconds[0],
    )
    assert setup.told == [f"retention: {dropped} events dropped" for dropped in (0, 3, 1)]


def test_without_following_retention_comes_at_the_end(setup, stored):
    append(setup.log, [row(timestamp=NOW + i) for i in range(5)])
    setup.run(follow=False, retention=Retention(max_age_s=1), retain_every_s=math.inf)
    assert content(setup.address, stored) == []


@pytest.fixture
def redis_server(tmp_path):
    """A server that keeps what it acknowledged, however it ends."""
    with RedisServer(tmp_path, durable=True) as server:
        yield server


def test_redis_that_goes_and_comes_back(setup, redis_server, tree, stored, loaded):
    address = redis_server.address("shop")
    with RedisStore.create(address, tree.manifest("")) as store:
        store.publish()
    setup.address = address
    append(setup.log, many(25))

    def lose():
        redis_server.kill()
        append(setup.log, many(25, 25))
        setup.during_wait = come_back

    def come_back():
        if setup.stop.waits[-1] >= 2:
            redis_server.start()
            setup.during_wait = lambda: None

    total = setup.run(lose)
    assert (total.lines, total.added) == (50, 50)
    assert content(address, stored) == loaded(many(50))
    assert len(setup.told) == 2
    assert "trying again until it can be reached" in setup.told[0]
    assert "the store is back" in setup.told[1]
