"""The tables of a search, as a model has them now and as an index of an earlier date has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

OWN, OLD, OLD_EVENTS = "own", "old", "old_events"


class SearchTable(NamedTuple):
    """What a row of a search's table stands for.

    Attributes:
        vocabulary: The vocabulary whose rows the table has.
        of_events: Whether events are looked up in it; else candidates alone are.
    """

    vocabulary: str
    of_events: bool


class StaleModel(NamedTuple):
    """A model whose search can lag behind.

    Attributes:
        variant: Its name as `parse_variant` reads it. What the experiment is about is chosen here,
            whatever the configuration says.
        tables: What `bake` returns, in this order.
        searches: Which tables search: `own`, those of the model as it is now; `old`, those of the
            date; `old_events`, those of the date for events, the model's own for candidates.
    """

    variant: str
    tables: tuple[SearchTable, ...]
    searches: tuple[str, ...]


STALE_MODELS = {
    "sim_soft": StaleModel(
        "sim_soft+unknown_items=shared+soft_search.ahead_epochs=0+soft_search.served_by=exact",
        (
            SearchTable("item", of_events=True),
            SearchTable("category", of_events=True),
            SearchTable("item", of_events=False),
            SearchTable("category", of_events=False),
        ),
        (OWN, OLD, OLD_EVENTS),
    ),
    "eta": StaleModel(
        "eta+unknown_items=shared", (SearchTable("item", of_events=True),), (OWN, OLD)
    ),
}


def index_of_date(
    tables: Sequence[np.ndarray], model: StaleModel, known: Mapping[str, np.ndarray]
) -> list[np.ndarray]:
    """Makes the tables that an index built on a date holds.

    Args:
        tables: Tables of the model as trained to that date, `[rows, D]` each; the first row is that
            of what is unknown.
        model: What the tables hold.
        known: `[rows]` bool by vocabulary: what had been seen by then.

    Returns:
        The tables; what had not been seen is looked up as what is unknown.
    """
    return [
        np.where(known[table.vocabulary][:, np.newaxis], values, values[:1])
        for values, table in zip(tables, model.tables, strict=True)
    ]


def tables_to_search(
    search: str, own: Sequence[np.ndarray], old: Sequence[np.ndarray], model: StaleModel
) -> list[np.ndarray]:
    """Returns the tables that one of `model.searches` looks up.

    Args:
        search: `own`, `old` or `old_events`.
        own: Tables of the model as it is now.
        old: Tables of the date.
        model: What the tables hold.
    """
    return [
        values_then if search == OLD or (search == OLD_EVENTS and table.of_events) else values_now
        for values_now, values_then, table in zip(own, old, model.tables, strict=True)
    ]
