"""Appends the events of a source of lines to a store, at least once, and notes how far it is.

The store takes an event once however often it comes, so that after a kill at any moment every
event is in it exactly once.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import time
from collections.abc import Callable

from lifelong.serving.behavior_store import (
    Appended,
    BehaviorStore,
    Retention,
    StoreUnavailableError,
)
from lifelong.serving.follower.chunk import Chunk, LineSource
from lifelong.serving.follower.event_lines import EventLines
from lifelong.serving.follower.live_store import LiveStore
from lifelong.serving.follower.quarantine import Quarantine
from lifelong.serving.follower.report import Report
from lifelong.serving.follower.stop_signal import StopSignal

_SHORTEST_WAIT_S, _LONGEST_WAIT_S = 0.5, 30.0


@dataclasses.dataclass(frozen=True)
class Pace:
    """When a follower does what.

    Attributes:
        poll_s: Time between looks for new lines.
        retention: What the store keeps; None: everything.
        retain_every_s: Time between two applications of the retention. Infinite: once, at the end.
        give_up_s: Time after which a store that is out of reach ends the run.
    """

    poll_s: float = 0.5
    retention: Retention | None = None
    retain_every_s: float = math.inf
    give_up_s: float = math.inf


class Follower:
    """Lines in, events of a store out.

    Attributes:
        finished: Whether the source was read to its end.

    Args:
        source: The lines.
        name: The source's name in the store, under which its position is noted.
        store: The store.
        make_parser: Makes the parser of the lines for a store; a newer version may be of a newer
            configuration. Raises a ValueError if they do not go together.
        quarantine: Takes bad lines.
        report: Counts.
        tell: Told what happens to the store.
        pace: When it does what.
        stop: Set to end it after the chunk at hand.
        clock: Gives seconds.
    """

    def __init__(
        self,
        source: LineSource,
        name: str,
        store: LiveStore,
        make_parser: Callable[[BehaviorStore], EventLines],
        quarantine: Quarantine,
        report: Report,
        tell: Callable[[str], None],
        pace: Pace,
        stop: StopSignal,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._name = name
        self._store = store
        self._make_parser = make_parser
        self._quarantine = quarantine
        self._report = report
        self._tell = tell
        self._pace = pace
        self._stop = stop
        self._clock = clock
        self.finished = False
        self._retain_at = -math.inf if math.isfinite(pace.retain_every_s) else math.inf
        self._lost_at: float | None = None
        self._wait_s = 0.0

    def run(self) -> None:
        """Works until the source ends or `stop` is set.

        Raises:
            ValueError: The store, or a CSV file, has other columns than the configuration.
            OSError: A file cannot be read or written.
            StoreError: The store is full, damaged, locked, or was out of reach for too long.
        """
        with contextlib.closing(self._source), contextlib.closing(self._store):
            while not self.finished and not self._stop.is_set():
                try:
                    with self._store.open() as store:
                        self._feed(store)
                except StoreUnavailableError as error:
                    self._await_store(error)

    def _feed(self, store: BehaviorStore) -> None:
        """Appends to one store, from where its own note says, until something ends that."""
        parser = self._make_parser(store)
        self._source.resume(store.offset(self._name))
        while not self._stop.is_set():
            if self._store.has_newer():
                self._tell(f"goes on with the newer store {self._store.name}")
                self._retain_at = min(self._retain_at, self._clock())
                return
            if self._clock() >= self._retain_at:
                self._retain(store)
            chunk = self._source.next()
            if chunk is not None:
                self._ingest(store, parser, chunk)
            elif self._source.ended:
                if math.isinf(self._pace.retain_every_s):
                    self._retain(store)
                self.finished = True
                return
            else:
                self._stop.wait(self._pace.poll_s)
            self._store_is_back()
            self._report.progress(self._source.unread)

    def _ingest(self, store: BehaviorStore, parser: EventLines, chunk: Chunk) -> None:
        parsed = parser.parse(chunk)
        appended = store.append(parsed.events) if parsed.count else Appended(0, 0)
        self._quarantine.write(parsed.bad)
        # Only now: whatever comes before is done again if it is interrupted.
        if chunk.position:
            store.commit_offset(self._name, chunk.position)
        self._report.add(parsed, appended)

    def _retain(self, store: BehaviorStore) -> None:
        if self._pace.retention is None:
            return
        dropped = store.retain(self._pace.retention, int(time.time()))
        self._retain_at = self._clock() + self._pace.retain_every_s
        self._tell(f"retention: {dropped:,} events dropped")

    def _await_store(self, error: StoreUnavailableError) -> None:
        now = self._clock()
        if self._lost_at is None:
            self._lost_at = now
            self._tell(f"{error}; trying again until it can be reached, nothing is lost")
        if now - self._lost_at >= self._pace.give_up_s:
            raise error
        self._wait_s = min(max(2 * self._wait_s, _SHORTEST_WAIT_S), _LONGEST_WAIT_S)
        self._stop.wait(self._wait_s)

    def _store_is_back(self) -> None:
        if self._lost_at is not None:
            self._tell(f"the store is back after {self._clock() - self._lost_at:,.0f} s")
            self._lost_at, self._wait_s = None, 0.0
