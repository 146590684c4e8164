"""The User Behaviour Tree of one user: category -> events, read block by block.

References:
    [SIM](https://arxiv.org/abs/2006.05639), section 4.2 (the key-key-value structure).
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lifelong.data import columns as cols
from lifelong.data import events as ev
from lifelong.data.columns import Columns
from lifelong.data.events import Cut, CutLike, as_cut
from lifelong.data.evidence import (
    Evidence,
    count_for_candidates,
    request_evidence,
)
from lifelong.data.times import DAY
from lifelong.serving.behavior_store.block_reader import BlockReader, ReadBlocks
from lifelong.serving.behavior_store.checks import checked_ids
from lifelong.serving.behavior_store.directory import Directory


class CategoryEvents(NamedTuple):
    """What was found for each of C searched categories.

    Attributes:
        columns: All events found, the categories one after another as they were asked for, each
            newest first.
        offsets: int64 `[C + 1]`: those of category c lie at `offsets[c]:offsets[c + 1]`.
    """

    columns: Columns
    offsets: np.ndarray


class Window(NamedTuple):
    """The most recent events of a user before a cut.

    Attributes:
        length: How many they are.
        start: Where the oldest of them lies, if there are older events that are not part of it.
    """

    length: int
    start: Cut | None


class UserTree:
    """One user's events at one moment. Blocks that were read are kept.

    Args:
        user: User id.
        directory: The user's directory; one without blocks for an unknown user.
        features: Type of each event feature of the store by name.
        read_blocks: Reads packed blocks by number.
        where: Of what store, for errors.
    """

    def __init__(
        self,
        user: int,
        directory: Directory,
        features: Mapping[str, str],
        read_blocks: ReadBlocks,
        where: str,
    ) -> None:
        self.user = user
        self.features = features
        self._reader_of = functools.partial(BlockReader, user, features, read_blocks, where)
        self._show(directory)

    @property
    def events(self) -> int:
        """Number of events of the user."""
        return self.directory.events

    def search(
        self,
        categories: npt.ArrayLike,
        k: int,
        before: CutLike = None,
        not_before: CutLike = None,
    ) -> CategoryEvents:
        """Finds the most recent events of each of several categories.

        The work grows with the categories and `k`, not with the user's events.

        Args:
            categories: `[C]` category ids; what comes twice is answered twice.
            k: Most events to find for each.
            before: Only events before this cut: Unix seconds, or a `Cut`.
            not_before: Only events at or after this cut.

        Returns:
            The events by category, newest first.

        Raises:
            ValueError: `k` is not positive, a cut is later than the year 9999, or a category is no
                int64 or has more than one axis.
            TypeError: A category is no integer, or a cut neither an integer nor a `Cut`.
            StoreCorruptedError: A block that was read is damaged.
        """
        if k < 1:
            raise ValueError(f"k is {k}; at least 1 is needed")
        before, not_before = as_cut(before, "before"), as_cut(not_before, "not_before")
        wanted = checked_ids(categories, "categories")
        events = self._blocks.read(self._blocks_of(wanted, k, before, not_before))
        first = np.searchsorted(events["category"], wanted, side="left")
        end = np.searchsorted(events["category"], wanted, side="right")
        if before is not None:
            end = first + _counts(ev.is_before(events, before), first, end)
        if not_before is not None:
            first = first + _counts(ev.is_before(events, not_before), first, end)
        sizes = np.clip(end - first, 0, k)
        offsets = np.append(0, np.cumsum(sizes))
        index = np.repeat(end - 1 + offsets[:-1], sizes) - np.arange(offsets[-1])
        return CategoryEvents(cols.take(events, index), offsets)

    def history(self, limit: int, before: CutLike = None, not_before: CutLike = None) -> Columns:
        """Returns the most recent events of all categories.

        The work grows with `limit` and the categories, not with the user's events, however far back
        the cut lies.

        Args:
            limit: Most events to return.
            before: Only events before this cut: Unix seconds, or a `Cut`.
            not_before: Only events at or after this cut.

        Returns:
            Columns in the order (timestamp, item), oldest first.

        Raises:
            ValueError: `limit` is not positive, or a cut is later than the year 9999.
            TypeError: A cut is neither an integer nor a `Cut`.
            StoreCorruptedError: A block that was read is damaged.
        """
        if limit < 1:
            raise ValueError(f"limit is {limit}; at least 1 is needed")
        before, not_before = as_cut(before, "before"), as_cut(not_before, "not_before")
        events = self._newest(limit, before)
        if not_before is not None:
            events = cols.take(events, ~ev.is_before(events, not_before))
        return cols.take(events, ev.time_order(events)[-limit:])

    def window(self, limit: int, before: CutLike = None) -> Window:
        """Tells which events a model with a window of that size sees.

        Args:
            limit: Most events of the window: short plus long history.
            before: The window ends at this cut: Unix seconds, or a `Cut`.

        Raises:
            ValueError: `limit` is not positive, or the cut is later than the year 9999.
            TypeError: The cut is neither an integer nor a `Cut`.
            StoreCorruptedError: A block that was read is damaged.
        """
        if limit < 1:
            raise ValueError(f"limit is {limit}; at least 1 is needed")
        return self._window(limit, as_cut(before, "before"))

    def evidence(
        self, item: npt.ArrayLike, category: npt.ArrayLike, timestamp: int, limit: int
    ) -> Evidence:
        """Counts the user's events for the candidates of a request, as `count_evidence` does.

        The work grows with the events of the candidates' categories in the window, not with those
        of other categories: of these, only blocks are read that hold the window's first event.

        Args:
            item: Items of the candidates, `[N]`.
            category: Their categories, `[N]`.
            timestamp: Time of the request, Unix seconds; only earlier events count.
            limit: Events of the evidence window.

        Raises:
            ValueError: `limit` is not positive, the time is after the year 9999, or items or
                categories are no int64, have more than one axis, or are not as many.
            TypeError: An item or category is no integer, or the time is none.
            StoreCorruptedError: A block that was read is damaged.
        """
        if limit < 1:
            raise ValueError(f"limit is {limit}; at least 1 is needed")
        items, categories = checked_ids(item, "items"), checked_ids(category, "categories")
        if len(items) != len(categories):
            raise ValueError(
                f"{len(items)} items and {len(categories)} categories; expected one for each"
                " candidate"
            )
        request = as_cut(Cut(timestamp), "timestamp")
        window = self._window(limit, request)
        events = self._in_window(categories, request, window)
        of_item, of_category = count_for_candidates(events, items, categories, request.timestamp)
        return Evidence(of_item, of_category, self._of_request(request, window))

    def read_ahead(self, rows: Sequence[int] | np.ndarray) -> None:
        """Reads blocks together, so that asking for each of them reads no more.

        Args:
            rows: Rows of the directory.
        """
        self._blocks.read_ahead(rows)

    def block(self, row: int) -> Columns:
        """Returns the events of a block, given by its row of the directory."""
        return self._blocks.read([row])

    def all(self) -> Columns:
        """Returns all events, in the order (category, timestamp, item)."""
        return self._blocks.read(np.arange(len(self.directory)))

    def _show(self, directory: Directory) -> None:
        """Shows a state of the user; what was read of another is dropped."""
        self.directory = directory
        self._blocks = self._reader_of(directory.number)

    def _window(self, limit: int, before: Cut | None) -> Window:
        """Finds a window by the days: it reads events of the cut's day and of the window's first."""
        days = self.directory.days
        if before is None or self._is_after_all(before):
            row, on_day, before = len(days.number), 0, None
        else:
            row = days.row(before.timestamp // DAY)
            on_day = self._count_on_day(row, limit + 1, before)
        length = int(days.events_before[row]) + on_day
        if length <= limit:
            return Window(length, None)
        # Where the first event of the window lies among all events, and on which day.
        place = length - limit
        first = int(np.searchsorted(days.events_before, place, side="right")) - 1
        newest = limit
        if first < row:
            # It is the oldest of the newest events of that day.
            newest, before = int(days.events_before[first + 1]) - place, days.end(first)
        events = self._newest(newest, before)
        return Window(limit, ev.cut_before(events, int(ev.time_order(events)[-newest])))

    def _count_on_day(self, row: int, limit: int, before: Cut) -> int:
        """Counts events that come before a cut, on its day; at most `limit`.

        Args:
            row: Row of the day, or of the next one with events.
            limit: Where counting ends.
            before: The cut.
        """
        days = self.directory.days
        day = before.timestamp // DAY
        if days.number[row] != day:
            return 0
        times = self._newest(min(int(days.count[row]), limit), before)["timestamp"]
        return min(int(np.count_nonzero(times >= day * DAY)), limit)

    def _is_after_all(self, cut: Cut) -> bool:
        return bool((self.directory.newest < cut.timestamp).all())

    def _in_window(self, categories: np.ndarray, request: Cut, window: Window) -> Columns:
        """Returns the events of categories in a window before a request, and perhaps others'."""
        oldest = window.start.timestamp if window.start else 0
        events = self._blocks.read(self._blocks_between(categories, oldest, request.timestamp))
        kept = ev.is_before(events, request)
        if window.start:
            kept &= ~ev.is_before(events, window.start)
        return {name: events[name][kept] for name in ev.KEYS}

    def _of_request(self, request: Cut, window: Window) -> np.ndarray:
        """Returns `request_evidence` of a window before a request."""
        if not window.length:
            return request_evidence(0, 0)
        directory = self.directory
        first = window.start.timestamp if window.start else int(directory.oldest.min())
        times = directory.newest
        if not self._is_after_all(request):
            times = self._newest(1, request)["timestamp"]
        last = int(times.max())
        # Each day between the two has an event, which lies in the window.
        rows = [directory.days.row(time // DAY) for time in (first, last)]
        return request_evidence(window.length, rows[1] - rows[0] + 1, first, last)

    def _blocks_between(self, categories: np.ndarray, oldest: int, end: int) -> np.ndarray:
        """Returns rows of the directory: blocks that may hold events of categories in a time.

        Args:
            categories: `[C]`.
            oldest: Unix seconds; no earlier events.
            end: Unix seconds; only earlier events.
        """
        directory = self.directory
        first = np.searchsorted(directory.category, categories, side="left")
        end_row = np.searchsorted(directory.category, categories, side="right")
        # A category may begin inside the block before the first that begins with it.
        first -= np.append(False, directory.is_shared)[first]
        edges = len(directory) + 1
        opened = np.bincount(first, minlength=edges) - np.bincount(end_row, minlength=edges)
        wanted = np.cumsum(opened[:-1]) > 0
        return np.flatnonzero(wanted & (directory.newest >= oldest) & (directory.oldest < end))

    def _blocks_of(
        self, categories: np.ndarray, k: int, before: Cut | None, not_before: Cut | None
    ) -> list[int]:
        """Returns rows of the directory: blocks that hold the k newest events of each category."""
        directory = self.directory
        first = np.searchsorted(directory.category, categories, side="left").tolist()
        end = np.searchsorted(directory.category, categories, side="right").tolist()
        oldest = 0 if not_before is None else not_before.timestamp
        rows = set()
        for low, high in set(zip(first, end, strict=True)):
            last = high - 1
            if before is not None:
                last = directory.starts_before(low, high, before) - 1
            found, row = 0, last
            while row >= low and found < k and directory.newest[row] >= oldest:
                rows.add(row)
                # Of the last, a part may come after the cut.
                if row < last or before is None or directory.newest[row] < before.timestamp:
                    found += int(directory.leading[row])
                row -= 1
            # The category may begin inside the block before the first that begins with it.
            if found < k and row < low and low and directory.is_shared[low - 1]:
                rows.add(low - 1)
        return sorted(rows)

    def _newest(self, limit: int, before: Cut | None) -> Columns:
        """Returns events among which the `limit` newest before a cut are, in no order.

        Beside the blocks that these fill, it reads those through whose times the cut runs: one of
        each category, where a category fills blocks of its own.
        """
        directory = self.directory
        rows, newest, through = np.arange(len(directory)), directory.newest, 0
        if before is not None:
            rows = np.flatnonzero(directory.oldest <= before.timestamp)
            newest = np.minimum(newest[rows], before.timestamp)
            through = int((newest == before.timestamp).sum())
        order = np.argsort(-newest, kind="stable")
        rows, newest = rows[order], newest[order]
        # How many events before the cut the blocks have that it runs through is not known.
        surely = np.cumsum(directory.count[rows[through:]])
        read = through + int(np.searchsorted(surely, limit)) + 1
        events = self._before(rows[:read], before)
        if cols.length(events) < limit:
            return events
        oldest = _oldest_of_newest(events["timestamp"], limit)
        needed = int(np.searchsorted(-newest, -oldest, side="right"))
        if needed > read:
            events = self._before(rows[:needed], before)
            # Of more events, fewer are left to sort.
            oldest = _oldest_of_newest(events["timestamp"], limit)
        return cols.take(events, events["timestamp"] >= oldest)

    def _before(self, rows: np.ndarray, before: Cut | None) -> Columns:
        """Returns the events of blocks before a cut."""
        events = self._blocks.read(np.sort(rows))
        return events if before is None else cols.take(events, ev.is_before(events, before))


def _counts(mask: np.ndarray, first: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Returns how many are True in each range `first:end`; 0 where it is empty."""
    total = np.append(0, np.cumsum(mask))
    return total[np.maximum(end, first)] - total[first]


def _oldest_of_newest(times: np.ndarray, limit: int) -> int:
    """Returns the time of the `limit`-th newest of at least so many events."""
    return int(np.partition(times, len(times) - limit)[len(times) - limit])
