"""Samples negatives: other users' items of the same week and split, never an item of the request."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np

from lifelong.components.behavior_example_gen.config import IngestConfig
from lifelong.components.behavior_example_gen.requests import Requests
from lifelong.components.behavior_example_gen.splits import split_of
from lifelong.data import columns as cols
from lifelong.data.columns import Columns
from lifelong.data.hashing import Purpose, hash64
from lifelong.data.keys import SPLITS
from lifelong.data.times import week_of

# Requests that are drawn for at a time: bounds memory.
CHUNK = 4096
_LARGEST_MATRIX = 2**22
PartialPools = dict[int, Columns]
"""By period: hash, user, item, category of events."""


def period_of(split: np.ndarray, timestamp: np.ndarray) -> np.ndarray:
    """Returns int64 numbers of (week, split)."""
    return week_of(timestamp) * len(SPLITS) + split


def pools_of(events: Columns, config: IngestConfig) -> PartialPools:
    """Returns the events of each week and split that may become negatives.

    Args:
        events: Events of whole users.
        config: Splits, seed and the pool's size.
    """
    split = split_of(config.splits, config.seed, events["user"], events["timestamp"])
    inside = split >= 0
    rows = {key: events[key][inside] for key in ("user", "timestamp", "item", "category")}
    if not cols.length(rows):
        return {}
    period = period_of(split[inside], rows["timestamp"])
    rows["hash"] = hash64(
        config.seed, Purpose.FILL_POOL, rows["user"], rows.pop("timestamp"), rows["item"]
    )
    first = int(period.min())
    # Small integers are sorted faster.
    small = (period - first).astype(np.uint16 if np.ptp(period) < 2**16 else np.int64)
    parts = cols.split_by(cols.pack(rows), small)
    return {number + first: _smallest([part], config.negative_pool_size) for number, part in parts}


def merge_pools(pools: Iterable[PartialPools], limit: int) -> PartialPools:
    """Returns the union, bounded by keeping the smallest hashes of each period."""
    parts: dict[int, list[Columns]] = {}
    for pool in pools:
        for period, rows in pool.items():
            parts.setdefault(period, []).append(rows)
    return {period: _smallest(rows, limit) for period, rows in parts.items()}


def _smallest(parts: list[Columns], limit: int) -> Columns:
    rows = cols.concat(parts)
    if cols.length(rows) <= limit:
        return rows
    return cols.take(_ordered(rows), slice(limit))


def _ordered(rows: Columns) -> Columns:
    """Orders by hash; events that differ in features alone are one."""
    return cols.sort_and_dedupe(rows, ("hash",))[0]


@dataclasses.dataclass
class NegativePools:
    """The pools of all periods, one after another.

    Attributes:
        periods: int64 `[P]`, ascending.
        offsets: int64 `[P + 1]`, where each period's events begin.
        user: int64 `[n]`.
        item: int64 `[n]`.
        category: int64 `[n]`.
        items: int64 `[I]`, the distinct items, ascending.
        code: int64 `[n]`, each event's item as an index into `items`.
    """

    periods: np.ndarray
    offsets: np.ndarray
    user: np.ndarray
    item: np.ndarray
    category: np.ndarray
    items: np.ndarray
    code: np.ndarray

    @classmethod
    def build(cls, pools: PartialPools) -> NegativePools:
        """Joins the pools of all periods in an order that does not depend on how they came."""
        periods = sorted(pools)
        nothing = {key: np.zeros(0, np.int64) for key in ("user", "item", "category")}
        nothing["hash"] = np.zeros(0, np.uint64)
        parts = [_ordered(pools[period]) for period in periods]
        rows = cols.unpack(cols.concat([nothing, *parts]))
        items, code = np.unique(rows["item"], return_inverse=True)
        sizes = np.array([cols.length(part) for part in parts], np.int64)
        return cls(
            np.array(periods, np.int64),
            cols.offsets_of(sizes),
            rows["user"],
            rows["item"],
            rows["category"],
            items,
            code,
        )

    def slices(self, period: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns where the pools of these periods begin, and their sizes (0 where there is none)."""
        if not len(self.periods):
            return np.zeros(len(period), np.int64), np.zeros(len(period), np.int64)
        place = np.minimum(np.searchsorted(self.periods, period), len(self.periods) - 1)
        known = self.periods[place] == period
        return self.offsets[place], np.where(known, np.diff(self.offsets)[place], 0)


def draw(
    pools: NegativePools, requests: Requests, events: Columns, config: IngestConfig
) -> tuple[np.ndarray, np.ndarray]:
    """Draws negatives for requests.

    Args:
        pools: What to draw from.
        requests: Requests made of baskets.
        events: The sorted events that the requests were made of.
        config: Number of negatives, how they are drawn, seed, and whether items of the history are left
            out.

    Returns:
        int64 owners `[C]`, the request of each negative, ascending; and int64 `[C]`, its place in
        the pools. A request gets fewer than asked for only where its pool has no more items.
    """
    count = config.requests.negatives
    owners, places = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    if not count or not len(pools.code):
        return owners[0], places[0]
    kind = _Histories if config.requests.exclude_history_from_negatives else _Baskets
    taken = kind(pools, requests.rows, events)
    options = _Options(pools)
    for begin in range(0, len(requests), CHUNK):
        chunk = np.arange(begin, min(begin + CHUNK, len(requests)))
        drawn = _Drawn(pools, requests.rows, chunk, taken, count, config.seed)
        if config.requests.negatives_by == "popularity":
            drawn.try_pools()
            drawn.try_others()
        else:
            drawn.try_items(options)
        drawn.try_options(options)
        owners.append(begin + np.nonzero(drawn.filled)[0])
        places.append(drawn.place[drawn.filled])
    return np.concatenate(owners), np.concatenate(places)


class _Drawn:
    """What some requests have drawn so far.

    Attributes:
        place: int64 `[R, count]`, places in the pools.
        filled: bool `[R, count]`, which of them are drawn; those at the front first.
    """

    def __init__(
        self,
        pools: NegativePools,
        rows: Columns,
        chunk: np.ndarray,
        taken: _Baskets | _Histories,
        count: int,
        seed: int,
    ):
        self._pools, self._taken, self._seed = pools, taken, seed
        self._request = chunk
        self._user, self._timestamp = rows["user"][chunk], rows["timestamp"][chunk]
        self._start, self._size = pools.slices(period_of(rows["split"][chunk], self._timestamp))
        self.place = np.zeros((len(chunk), count), np.int64)
        self.filled = np.zeros((len(chunk), count), bool)

    def try_pools(self) -> None:
        """Tries places of the pools: nearly always enough."""
        every = np.flatnonzero(self._size > 0)
        # Most tries succeed, so half as many again nearly always fill the request.
        pick = self._random(every, Purpose.DRAW_NEGATIVE, self._tries(1.5))
        offset = (pick % self._size[every][:, None].astype(np.uint64)).astype(np.int64)
        self._accept(every, self._start[every][:, None] + offset)

    def try_others(self) -> None:
        """Tries places of other users, for users to whom much of a pool belongs."""
        for members in self._short_groups():
            start, size = self._start[members[0]], self._size[members[0]]
            of_others = self._pools.user[start : start + size] != self._user[members[0]]
            if of_others.mean() > 0.9:  # others are what was tried; few items are what is wrong
                continue
            place = start + np.flatnonzero(of_others)
            if len(place):
                # Some of them more than once.
                pick = self._random(members, Purpose.SEARCH_POOL, self._tries(2))
                self._accept(members, place[(pick % np.uint64(len(place))).astype(np.int64)])

    def try_items(self, options: _Options) -> None:
        """Tries items of the pools, each as likely as any other: enough unless items are few."""
        for start in np.unique(self._start[self._size > 0]):
            members = np.flatnonzero((self._start == start) & (self._size > 0))
            first, second = options.places(int(start), int(self._size[members[0]]))
            pick = self._random(members, Purpose.DRAW_NEGATIVE, self._tries(2))
            item = (pick % np.uint64(len(first))).astype(np.int64)
            own = self._pools.user[first[item]] == self._user[members, None]
            # An item that nobody else had stays the user's own, which is not accepted.
            place = np.where(own & (second[item] >= 0), second[item], first[item])
            self._accept(members, place)

    def try_options(self, options: _Options) -> None:
        """Tries all items that a pool has, in an order of each request's own."""
        for group in self._short_groups():
            place = self._options_of(group[0], options)
            if self._taken.grows:  # what the first request may not draw, none may
                place = place[
                    ~self._taken.contains(self._request[group[0]], self._pools.code[place])
                ]
            step = max(1, _LARGEST_MATRIX // max(len(place), 1))
            for begin in range(0, len(group) if len(place) else 0, step):
                members = group[begin : begin + step]
                key = self._random(members, Purpose.ORDER_OPTIONS, self._pools.item[place])
                self._accept(members, place[np.argsort(key, axis=1, kind="stable")])

    def _options_of(self, member: int, options: _Options) -> np.ndarray:
        start, size, user = self._start[member], self._size[member], self._user[member]
        return options.of(int(start), int(size), int(user))

    def _tries(self, factor: float) -> np.ndarray:
        return np.arange(int(self.place.shape[1] * factor) + 8)

    def _random(self, members: np.ndarray, purpose: Purpose, keys: np.ndarray) -> np.ndarray:
        """Returns random numbers of requests: uint64 `[members, keys]`."""
        user, timestamp = self._user[members, None], self._timestamp[members, None]
        return hash64(self._seed, purpose, user, timestamp, keys[None, :])

    def _short_groups(self) -> list[np.ndarray]:
        """Returns the requests that have drawn too few, those of one pool and user together."""
        short = np.flatnonzero(~self.filled[:, -1] & (self._size > 0))
        order = np.lexsort((self._user[short], self._start[short]))
        short = short[order]
        starts = cols.run_starts(self._start[short], self._user[short])
        return np.split(short, starts[1:]) if len(short) else []

    def _accept(self, members: np.ndarray, place: np.ndarray) -> None:
        """Gives requests the first usable ones of these places, as many as they still need.

        Args:
            members: int64 `[m]`, the requests.
            place: int64 `[m, J]`, places in the pools.
        """
        pools, count = self._pools, self.place.shape[1]
        code = pools.code[place]
        usable = pools.user[place] != self._user[members, None]
        usable &= ~self._taken.contains(self._request[members, None], code)
        filled = self.filled[members]
        have = np.where(filled, pools.code[self.place[members]], -1)
        seen = np.concatenate([have, np.where(usable, code, -1)], axis=1)
        usable &= _first_in_row(seen)[:, count:]
        column = filled.sum(axis=1)[:, None] + np.cumsum(usable, axis=1) - 1
        usable &= column < count
        row = np.broadcast_to(members[:, None], place.shape)[usable]
        self.place[row, column[usable]] = place[usable]
        self.filled[row, column[usable]] = True


class _Options:
    """The distinct items of each pool, found once where a request needs them.

    Two places are kept of each item, of different users: whoever asks, one of them is another's.
    """

    def __init__(self, pools: NegativePools):
        self._pools = pools
        self._places: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def of(self, start: int, size: int, user: int) -> np.ndarray:
        """Returns one place of each item of a pool that another user had: int64 `[n]`."""
        first, second = self.places(start, size)
        place = np.where(self._pools.user[first] == user, second, first)
        return place[place >= 0]

    def places(self, start: int, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns each item's first place in a pool, and its first of another user or -1: int64 `[n]`."""
        if start not in self._places:
            self._places[start] = self._find(start, size)
        return self._places[start]

    def _find(self, start: int, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns each item's first place, and its first of another user than that one or -1."""
        code, user = self._pools.code[start : start + size], self._pools.user[start : start + size]
        order = np.argsort(code, kind="stable")
        starts = cols.run_starts(code[order])
        first = order[starts]
        item = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, size)))
        others = np.flatnonzero(user[order] != user[first][item])
        having, place = np.unique(item[others], return_index=True)
        second = np.full(len(first), -1)
        second[having] = start + order[others[place]]
        return start + first, second


class _Baskets:
    """The items of each request's basket.

    Attributes:
        grows: Whether what a request may not draw, later ones of the same user may not either.
    """

    grows = False

    def __init__(self, pools: NegativePools, rows: Columns, events: Columns):
        start = rows["first"] + rows["events"]
        item = events["item"][cols.ranges(start, rows["basket_end"])]
        owner = np.repeat(np.arange(len(start)), rows["basket_end"] - start)
        self._stride = len(pools.items)
        code, known = _codes(pools, item)
        self._keys = np.unique(owner[known] * self._stride + code[known])

    def contains(self, request: np.ndarray, code: np.ndarray) -> np.ndarray:
        """Whether the item `code` is in the basket of the request."""
        return _find(self._keys, request * self._stride + code)[1]


class _Histories:
    """The items of each request's basket, and all that its user had before; see `_Baskets`."""

    grows = True

    def __init__(self, pools: NegativePools, rows: Columns, events: Columns):
        first, self._user = np.unique(rows["first"], return_inverse=True)
        end = np.zeros(len(first), np.int64)
        np.maximum.at(end, self._user, rows["basket_end"])
        index = cols.ranges(first, end)
        owner = np.repeat(np.arange(len(first)), end - first)
        self._stride, self._end = len(pools.items), rows["basket_end"]
        code, known = _codes(pools, events["item"][index])
        # The first of equal keys: an item is taken from a user's first event of it on.
        self._keys, place = np.unique(owner[known] * self._stride + code[known], return_index=True)
        self._since = index[known][place]

    def contains(self, request: np.ndarray, code: np.ndarray) -> np.ndarray:
        """Whether the request's user has had the item `code` before, or has it in the basket."""
        place, found = _find(self._keys, self._user[request] * self._stride + code)
        if not len(self._keys):
            return found
        return found & (self._since[place] < self._end[request])


def _codes(pools: NegativePools, item: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns items as indices into `pools.items`, and which of them are there."""
    code = np.searchsorted(pools.items, item)
    known = code < len(pools.items)
    known[known] = pools.items[code[known]] == item[known]
    return code, known


def _find(keys: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns where values lie among ascending keys, and whether they are there."""
    if not len(keys):
        return np.zeros(wanted.shape, np.int64), np.zeros(wanted.shape, bool)
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return place, keys[place] == wanted


def _first_in_row(code: np.ndarray) -> np.ndarray:
    """Whether each value of `[R, J]` is the first of its kind in its row."""
    order = np.argsort(code, axis=1, kind="stable")
    ordered = np.take_along_axis(code, order, axis=1)
    first = np.ones(code.shape, bool)
    first[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    result = np.empty(code.shape, bool)
    np.put_along_axis(result, order, first, axis=1)
    return result
