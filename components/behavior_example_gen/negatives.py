"""Samples negatives: other users' items of the same week and split, never an item of the request."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np

from lifelong.components.behavior_example_gen.config import IngestConfig
from lifelong.components.behavior_example_gen.hashing import Purpose, hash64
from lifelong.components.behavior_example_gen.requests import Requests
from lifelong.components.behavior_example_gen.splits import split_of
from lifelong.data import columns as cols
from lifelong.data.columns import Columns
from lifelong.data.keys import SPLITS
from lifelong.data.times import week_of

# Requests that are drawn for at a time: bounds memory.
CHUNK = 4096
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
        config: Number of negatives and seed.

    Returns:
        int64 owners `[C]`, the request of each negative, ascending; and int64 `[C]`, its place in
        the pools. A request gets fewer than asked for only where its pool has no more items.
    """
    count = config.requests.negatives
    owners, places = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for begin in range(0, len(requests) if count else 0, CHUNK):
        chunk = cols.take(requests.rows, slice(begin, begin + CHUNK))
        place, filled = _draw_chunk(pools, chunk, events, count, config.seed)
        owners.append(begin + np.nonzero(filled)[0])
        places.append(place[filled])
    return np.concatenate(owners), np.concatenate(places)


def _draw_chunk(
    pools: NegativePools, rows: Columns, events: Columns, count: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Returns places in the pools `[R, count]` and which of them are filled."""
    start, size = pools.slices(period_of(rows["split"], rows["timestamp"]))
    result = np.zeros((len(start), count), np.int64)
    filled = np.zeros((len(start), count), bool)
    if not len(pools.code):
        return result, filled
    taken = _Baskets(pools, rows, events)
    # Most tries succeed, so half as many again nearly always fill the request.
    tries = np.arange(count + count // 2 + 8)
    key = hash64(
        seed,
        Purpose.DRAW_NEGATIVE,
        rows["user"][:, None],
        rows["timestamp"][:, None],
        tries[None, :],
    )
    place = start[:, None] + (key % np.maximum(size, 1)[:, None].astype(np.uint64)).astype(np.int64)
    place = np.minimum(place, len(pools.code) - 1)
    code = pools.code[place]
    owner = np.broadcast_to(np.arange(len(start))[:, None], place.shape)
    usable = (size > 0)[:, None] & (pools.user[place] != rows["user"][:, None])
    usable &= ~taken.contains(owner, code)
    usable &= _first_in_row(np.where(usable, code, -1))
    usable &= np.cumsum(usable, axis=1) <= count

    column = np.cumsum(usable, axis=1)[usable] - 1
    result[owner[usable], column] = place[usable]
    filled[owner[usable], column] = True
    for i in np.flatnonzero((filled.sum(axis=1) < count) & (size > 0)):
        found = _search(
            pools, rows, i, int(start[i]), int(size[i]), taken, result[i][filled[i]], seed
        )
        have = int(filled[i].sum())
        end = min(count, have + len(found))
        result[i, have:end] = found[: end - have]
        filled[i, have:end] = True
    return result, filled


def _search(
    pools: NegativePools,
    rows: Columns,
    i: int,
    start: int,
    size: int,
    taken: _Baskets,
    have: np.ndarray,
    seed: int,
) -> np.ndarray:
    """Returns every further usable place of request `i`'s pool, distinct items, ordered by hash."""
    place = np.arange(start, start + size)
    key = hash64(
        seed,
        Purpose.SEARCH_POOL,
        rows["user"][i : i + 1],
        rows["timestamp"][i : i + 1],
        place - start,
    )
    place = place[np.argsort(key, kind="stable")]
    code = pools.code[place]
    usable = pools.user[place] != rows["user"][i]
    usable &= ~taken.contains(np.full(size, i), code) & ~np.isin(code, pools.code[have])
    place = place[usable]
    _, first = np.unique(pools.code[place], return_index=True)
    return place[np.sort(first)]


class _Baskets:
    """The items of each request's basket."""

    def __init__(self, pools: NegativePools, rows: Columns, events: Columns):
        start = rows["first"] + rows["events"]
        item = events["item"][cols.ranges(start, rows["basket_end"])]
        owner = np.repeat(np.arange(len(start)), rows["basket_end"] - start)
        self._stride = len(pools.items)
        code = np.searchsorted(pools.items, item)
        known = code < self._stride
        known[known] = pools.items[code[known]] == item[known]
        self._keys = np.unique(owner[known] * self._stride + code[known])

    def contains(self, owner: np.ndarray, code: np.ndarray) -> np.ndarray:
        """Whether the item `code` is in the basket of the request `owner`."""
        if not len(self._keys):
            return np.zeros(code.shape, bool)
        key = owner * self._stride + code
        place = np.minimum(np.searchsorted(self._keys, key), len(self._keys) - 1)
        return self._keys[place] == key


def _first_in_row(code: np.ndarray) -> np.ndarray:
    """Whether each value of `[R, J]` is the first of its kind in its row."""
    order = np.argsort(code, axis=1, kind="stable")
    ordered = np.take_along_axis(code, order, axis=1)
    first = np.ones(code.shape, bool)
    first[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    result = np.empty(code.shape, bool)
    np.put_along_axis(result, order, first, axis=1)
    return result
