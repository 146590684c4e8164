import dataclasses

import numpy as np
import pytest

from lifelong.components.behavior_example_gen import negatives
from lifelong.components.behavior_example_gen.config import IngestConfig, RequestConfig, SplitConfig
from lifelong.components.behavior_example_gen.negatives import (
    NegativePools,
    draw,
    merge_pools,
    period_of,
    pools_of,
)
from lifelong.components.behavior_example_gen.requests import from_baskets
from lifelong.data import columns as cols
from lifelong.data.events import sort_events
from lifelong.data.hashing import Purpose, hash64

DAY = 86_400
# 1970-01-05 is a Monday: the weeks are the days 4 to 10 and 11 to 17; validation begins within the
# second one.
CONFIG = IngestConfig(
    requests=RequestConfig(min_history=0, max_positives=9, negatives=3),
    splits=SplitConfig(validation_start="1970-01-15", eval_start="1970-01-26"),
    seed=5,
)


def events_of(*rows):
    """Returns sorted events of rows (user, day, item); an item's category is ten times its id."""
    user, day, item = np.array(rows, np.int64).reshape(-1, 3).T
    return sort_events({"user": user, "item": item, "category": item * 10, "timestamp": day * DAY})[
        0
    ]


def draws(events, config=CONFIG, pools=None):
    """Returns the negatives of each request by (user, day), in the order of their drawing."""
    if pools is None:
        pools = NegativePools.build(pools_of(events, config))
    requests, _ = from_baskets(events, config)
    owner, place = draw(pools, requests, events, config)
    assert (np.diff(owner) >= 0).all()
    keys = zip(requests.rows["user"].tolist(), requests.rows["timestamp"] // DAY, strict=True)
    return {
        (user, int(day)): pools.item[place[owner == i]].tolist()
        for i, (user, day) in enumerate(keys)
    }


def crowd(seed=0, users=9, count=300, items=30):
    random = np.random.default_rng(seed)
    columns = (random.integers(1, users + 1, count), random.integers(0, 30, count))
    return events_of(*zip(*columns, random.integers(1, items + 1, count), strict=True))


def content(pools):
    return {field.name: getattr(pools, field.name).tolist() for field in dataclasses.fields(pools)}


def test_periods_are_weeks_within_a_split():
    day = np.array([4, 10, 11, 13, 14, 17, 18, 25])
    split = np.array([0, 0, 0, 0, 1, 1, 1, 2])
    # Week 1 x 3 splits + split 0 = 3, and so on.
    assert period_of(split, day * DAY).tolist() == [3, 3, 6, 6, 7, 7, 10, 14]


def test_only_items_of_other_users_in_the_same_week_and_split_are_drawn():
    found = draws(
        events_of(
            (1, 4, 12),  # the user's own
            (1, 5, 10),
            (1, 5, 11),
            (2, 6, 20),
            (3, 7, 30),
            (3, 7, 11),  # an item of the request (1, 5)
            (2, 12, 21),  # the week after, still train
            (3, 14, 31),  # the same week, but validation
            (4, 17, 41),
        )
    )
    assert set(found[1, 5]) == {20, 30}
    assert set(found[3, 7]) <= {12, 10, 20}
    assert len(found[3, 7]) == 3
    assert found[2, 12] == [], "nobody else in that week's part of train"
    assert found[3, 14] == [41]
    assert found[4, 17] == [31]


def test_items_that_the_user_had_at_another_time_may_be_drawn():
    assert draws(events_of((1, 4, 7), (1, 5, 8), (2, 6, 7)))[1, 5] == [7]


def test_items_of_the_history_can_be_left_out():
    """(2, 8) had 7 and 9 before and buys 8 now; 11 comes later."""
    events = events_of(
        (2, 4, 7),
        (2, 5, 9),
        (2, 8, 8),
        (2, 9, 11),
        (3, 6, 7),
        (3, 6, 9),
        (3, 7, 8),
        (3, 7, 11),
        (4, 7, 12),
    )
    config = dataclasses.replace(
        CONFIG, requests=RequestConfig(0, 9, 5, exclude_history_from_negatives=True)
    )
    found = draws(events, config)
    assert set(found[2, 8]) == {11, 12}
    assert set(found[2, 4]) == {8, 9, 11, 12}, "9 and 8 came later"
    assert set(
        draws(events, dataclasses.replace(CONFIG, requests=RequestConfig(0, 9, 5)))[2, 8]
    ) == {7, 9, 11, 12}


@pytest.mark.parametrize("exclude", [False, True])
def test_a_user_to_whom_the_pool_belongs_gets_negatives_of_the_others_as_often_as_they_are_had(
    exclude,
):
    """Of a pool of 5,000 events, 4,900 are one user's; of the others' 100, 60 are of item 1."""
    random = np.random.default_rng(0)
    own = [
        (1, int(day), int(item))
        for day, item in zip(
            random.integers(4, 11, 4900), random.integers(100, 5000, 4900), strict=True
        )
    ]
    others = [(2 + i, 5, 1 if i < 60 else i) for i in range(100)]
    requests = RequestConfig(0, 9, 4, exclude_history_from_negatives=exclude)
    splits = SplitConfig(validation_start="1970-02-15", eval_start="1970-02-26")
    found = draws(
        events_of(*own, *others), dataclasses.replace(CONFIG, requests=requests, splits=splits)
    )
    mine = [items for (user, _), items in found.items() if user == 1]
    assert len(mine) == 7
    for items in mine:
        assert len(set(items)) == 4
        assert set(items) <= {1, *range(60, 100)}
        assert 1 in items, "more than half of what others had"


def test_uniform_negatives_are_as_often_of_a_rare_item_as_of_a_frequent_one():
    """Of 600 events of a week, 500 are of item 1, and 10 of each of items 2 to 11."""
    random = np.random.default_rng(0)
    items = np.repeat(np.arange(1, 12), [500] + [10] * 10)
    users, days = random.integers(1, 301, 600), random.integers(4, 11, 600)
    events = events_of(*zip(users, days, items, strict=True))
    shares = {}
    for drawn_by in ("popularity", "uniform"):
        requests = RequestConfig(0, 9, negatives=1, negatives_by=drawn_by)
        found = draws(events, dataclasses.replace(CONFIG, requests=requests))
        # Of requests that may draw item 1.
        bought = {
            (user, day) for user, day, item in zip(users, days, items, strict=True) if item == 1
        }
        drawn = [item for key, (item,) in found.items() if key not in bought]
        shares[drawn_by] = drawn.count(1) / len(drawn)
    assert shares["popularity"] > 0.6
    assert shares["uniform"] == pytest.approx(1 / 11, abs=0.07)


@pytest.mark.parametrize("drawn_by", ["popularity", "uniform"])
@pytest.mark.parametrize("count", [0, 1, 4, 60])
def test_negatives_are_distinct_and_fewer_only_where_no_more_are_to_be_had(count, drawn_by):
    events = crowd()
    requests = RequestConfig(0, 9, negatives=count, negatives_by=drawn_by)
    config = dataclasses.replace(CONFIG, requests=requests)
    split = np.searchsorted([14 * DAY, 25 * DAY], events["timestamp"], side="right")
    period = period_of(split, events["timestamp"])
    checked = 0
    for (user, day), items in draws(events, config).items():
        mine = (events["user"] == user) & (events["timestamp"] == day * DAY)
        around = (period == period[mine][0]) & (events["user"] != user)
        usable = set(events["item"][around]) - set(events["item"][mine])
        assert len(set(items)) == len(items) == min(count, len(usable))
        assert set(items) <= usable
        checked += len(items) < count
    assert (checked > 0) == (count == 60)


def test_a_negative_keeps_its_category():
    events = crowd()
    pools = NegativePools.build(pools_of(events, CONFIG))
    assert len(pools.item) == cols.length(events)
    assert (pools.category == pools.item * 10).all()


def test_a_pool_keeps_the_events_of_the_smallest_hashes():
    events = crowd()
    config = dataclasses.replace(CONFIG, negative_pool_size=4)
    first_week = (events["timestamp"] >= 4 * DAY) & (events["timestamp"] < 11 * DAY)
    mine = cols.take(events, first_week)
    hashes = hash64(5, Purpose.FILL_POOL, mine["user"], mine["timestamp"], mine["item"])
    pools = NegativePools.build(pools_of(events, config))
    start, size = pools.slices(np.array([3, 4]))
    assert size.tolist() == [4, 0], "the period 4 is a week of train that is validation"
    expected = mine["item"][np.argsort(hashes)[:4]].tolist()
    assert pools.item[start[0] : start[0] + 4].tolist() == expected


@pytest.mark.parametrize("limit", [6, 100_000])
def test_merging_depends_neither_on_the_order_nor_on_the_sharding(limit):
    events = crowd()
    config = dataclasses.replace(CONFIG, negative_pool_size=limit)
    whole = content(NegativePools.build(pools_of(events, config)))
    for shards, order in ((2, [1, 0]), (5, [3, 0, 4, 1, 2])):
        parts = [
            pools_of(cols.take(events, events["user"] % shards == shard), config) for shard in order
        ]
        merged = merge_pools(parts, limit)
        assert content(NegativePools.build(merged)) == whole
        early = merge_pools([merge_pools(parts[1:], limit), parts[0]], limit)
        assert content(NegativePools.build(early)) == whole


def test_the_seed_decides():
    events = crowd()
    assert draws(events) == draws(events)
    assert draws(events, dataclasses.replace(CONFIG, seed=6)) != draws(events)


@pytest.mark.parametrize("drawn_by", ["popularity", "uniform"])
def test_a_requests_negatives_do_not_depend_on_the_requests_beside_it(drawn_by, monkeypatch):
    events = crowd()
    config = dataclasses.replace(
        CONFIG, requests=dataclasses.replace(CONFIG.requests, negatives_by=drawn_by)
    )
    together = draws(events, config)
    monkeypatch.setattr(negatives, "CHUNK", 7)
    assert draws(events, config) == together
    pools = NegativePools.build(pools_of(events, config))
    alone = draws(cols.take(events, events["user"] == 4), config, pools)
    assert alone == {key: items for key, items in together.items() if key[0] == 4}


def test_events_outside_the_splits_are_no_negatives():
    ended = dataclasses.replace(CONFIG.splits, train_start="1970-01-06", eval_end="1970-02-01")
    config = dataclasses.replace(CONFIG, splits=ended)
    found = draws(events_of((1, 6, 1), (2, 4, 2), (2, 5, 3)), config)
    assert found == {(1, 6): [3], (2, 5): [1]}, "day 4 lies before train"


def test_without_any_event_nothing_is_drawn():
    assert pools_of(events_of(), CONFIG) == {}
    empty = NegativePools.build({})
    assert [part.tolist() for part in empty.slices(np.array([3, 4]))] == [[0, 0], [0, 0]]
    assert draws(events_of((1, 5, 1)), pools=empty) == {(1, 5): []}
