"""Reads single users and popular items straight from the log, as the records have them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from lifelong.data import columns as cols
from lifelong.data.events import sort_events
from lifelong.data.features import Feature
from lifelong.data.ids import id_of
from lifelong.data.keys import HISTORY
from lifelong.data.logs import reading
from lifelong.data.logs.config import LogConfig
from lifelong.data.logs.fields import behavior_fields
from lifelong.data.logs.item_categories import ItemCategories
from lifelong.data.times import WEEK


class UserHistory(NamedTuple):
    """The events of one user.

    Attributes:
        user: The user's id in records and requests.
        events: `item`, `category`, `timestamp` and every event feature by name: `[E]`, oldest
            first, ordered by (timestamp, item), without repetitions. E is 0 for an unknown user.
    """

    user: int
    events: dict[str, np.ndarray]


def read_user_history(
    log: LogConfig,
    features: Sequence[Feature],
    user: int | str,
    categories: ItemCategories | None = None,
) -> UserHistory:
    """Reads all events of one user, in the order and form of the records.

    Args:
        log: The behaviour log. All of it is read.
        features: Declared features; those of events are read.
        user: The user's id in records, or the text that stands in the log.
        categories: Those of the item table, if the log has none.

    Returns:
        The user's id and events, in the names that `lifelong.serving.request.build_request` takes.

    Raises:
        ValueError: The log cannot be read, or no user can be called `user`.
    """
    fields = behavior_fields(log, features)
    wanted = user if isinstance(user, int) else user_id(log, user)
    blocks = [
        cols.take(batch.block, batch.block["user"] == wanted)
        for batch in reading.read_all(log, fields, "behaviors", categories)
    ]
    events, _ = sort_events(cols.concat(blocks))
    del events["user"]
    return UserHistory(
        user=wanted,
        events={key.removeprefix(HISTORY): column for key, column in events.items()},
    )


def user_id(log: LogConfig, text: str) -> int:
    """Returns the id in records of the user who is called this in the log.

    Raises:
        ValueError: No user can be called this.
    """
    return id_of(text, is_text=log.columns.user in log.text_columns)


def category_of(
    log: LogConfig, item: str, categories: ItemCategories | None = None
) -> tuple[int, int]:
    """Finds an item in a behaviour log.

    Args:
        log: The behaviour log. All of it is read.
        item: The item's id as in the log.
        categories: Those of the item table, if the log has none.

    Returns:
        The item's id in records, and its category in its latest event.

    Raises:
        ValueError: The log cannot be read, or no event is of that item.
    """
    wanted = id_of(item, is_text=log.columns.item in log.text_columns)
    latest = (-1, -1)
    for batch in reading.read_all(log, behavior_fields(log, ()), "behaviors", categories):
        of_item = cols.take(batch.block, batch.block["item"] == wanted)
        if len(of_item["timestamp"]):
            last = int(np.argmax(of_item["timestamp"]))
            latest = max(latest, (int(of_item["timestamp"][last]), int(of_item["category"][last])))
    if latest[0] < 0:
        raise ValueError(
            f"item {item} has no event in {', '.join(log.patterns)}, so that its category is not "
            "known; try another one"
        )
    return wanted, latest[1]


def popular_items(
    log: LogConfig,
    before: int,
    weeks: int = 4,
    limit: int = 200,
    categories: ItemCategories | None = None,
) -> dict[str, np.ndarray]:
    """Counts the items of a period.

    Args:
        log: The behaviour log. All of it is read.
        before: End of the period, Unix seconds; it is not part of the period.
        weeks: Length of the period.
        limit: Most items returned.
        categories: Those of the item table, if the log has none.

    Returns:
        `item`, `category` and `count`, int64 `[n]`, the most frequent first.

    Raises:
        ValueError: The log cannot be read.
    """
    parts = []
    for batch in reading.read_all(log, behavior_fields(log, ()), "behaviors", categories):
        time = batch.block["timestamp"]
        parts.append(cols.take(batch.block, (time >= before - weeks * WEEK) & (time < before)))
    block = cols.concat(parts)
    table = pa.table({key: block[key] for key in ("item", "category")})
    counted = table.group_by(["item", "category"]).aggregate([("item", "count")])
    order = [("item_count", "descending"), ("item", "ascending"), ("category", "ascending")]
    top = counted.sort_by(order).slice(0, limit)
    return {
        "item": top["item"].to_numpy(),
        "category": top["category"].to_numpy(),
        "count": top["item_count"].to_numpy(),
    }
