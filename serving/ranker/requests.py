"""What a ranker is asked and what it answers."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

from lifelong.serving.ranker.items import RankedItem
from lifelong.serving.request import Values


@dataclasses.dataclass(frozen=True)
class RankRequest:
    """One user at one time, with candidates.

    Attributes:
        user: User id.
        candidates: `item`, `category` and every candidate feature of the model, one value for each.
        timestamp: Time of the request, Unix seconds. Only earlier events count.
        recent: The user's latest events as far as the caller knows them: `item`, `category`,
            `timestamp` and every event feature, oldest first. Used in place of the history where
            there is no store, or it is out of reach.
        request_features: Extra features of the request by name.
        user_features: Extra features of the user by name.
    """

    user: int
    candidates: Values
    timestamp: int
    recent: Values | None = None
    request_features: Values | None = None
    user_features: Values | None = None


class Timings(NamedTuple):
    """Where the time of a ranking went, in seconds. Requests ranked together share the last two.

    Attributes:
        store: Reading the behaviour store.
        build: Making the tensors.
        rpc: The call of the model, network and model together.
    """

    store: float
    build: float
    rpc: float


@dataclasses.dataclass(frozen=True)
class RankedRequest:
    """The answer to a `RankRequest`.

    Attributes:
        user: User id.
        items: Candidates by descending score; equal scores keep the request's order.
        history_length: Events of the user that the model could see.
        degraded: Why the history is only what the request brought, or the statistics are the
            model's own: the store's error. Empty if the store answered.
        model_version: Version of the model that answered.
        timings: Where the time went.
        statistics_age: Seconds from the start of the day that the counts of all users' events are
            as of to the request: below 86,400 they are those up to the day before it. Below 0, they
            also count what came after the request, or may. None for a model that reads none.
    """

    user: int
    items: tuple[RankedItem, ...]
    history_length: int
    degraded: str
    model_version: int
    timings: Timings
    statistics_age: int | None
