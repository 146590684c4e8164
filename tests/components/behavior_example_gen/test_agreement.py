import numpy as np

from lifelong.components.behavior_example_gen import agreement
from lifelong.components.behavior_example_gen.requests import Requests

SEED = 3


def requests_of(items, categories=None):
    """One request a candidate."""
    items = np.array(items, np.int64)
    categories = items * 10 if categories is None else np.array(categories, np.int64)
    candidates = {"item": items, "category": categories, "label": np.ones(len(items), np.float32)}
    return Requests({"user": items}, np.ones(len(items), np.int64), candidates)


def events_of(*items):
    item = np.array(items, np.int64)
    return {"item": item, "category": item * 10}


def counted(shards_of_events, shards_of_requests):
    """What all shards together count."""
    parts = [agreement.shown_in(requests, SEED) for requests in shards_of_requests]
    shown = agreement.merge_shown(parts, SEED)
    known = [agreement.known_among(events, shown) for events in shards_of_events]
    return agreement.count_known(agreement.merge_known(known))


def test_an_item_that_any_shard_knows_is_known():
    counts = counted(
        [events_of(1, 2), events_of(3), events_of()], [requests_of([1, 3, 1]), requests_of([4])]
    )
    assert counts[agreement.sampled("item")] == counts[agreement.sampled("category")] == 3
    assert counts[agreement.unknown("item")] == counts[agreement.unknown("category")] == 1


def test_categories_are_compared_by_themselves():
    counts = counted([events_of(1, 2)], [requests_of([1, 2], categories=[7, 10])])
    assert (counts[agreement.unknown("item")], counts[agreement.unknown("category")]) == (0, 1)


def test_the_sample_is_bounded_and_does_not_depend_on_the_shards():
    items = np.random.default_rng(0).permutation(3 * agreement.SAMPLE)
    whole = agreement.shown_in(requests_of(items), SEED)
    assert len(whole["item"]) == agreement.SAMPLE
    parts = [agreement.shown_in(requests_of(part), SEED) for part in np.array_split(items, 5)]
    merged = agreement.merge_shown([agreement.merge_shown(parts[:2], SEED), *parts[2:]], SEED)
    assert merged["item"].tolist() == whole["item"].tolist()


def test_without_impressions_nothing_is_counted():
    shown = agreement.merge_shown([{}, {}], SEED)
    counts = agreement.count_known(
        agreement.merge_known([agreement.known_among(events_of(1), shown)])
    )
    assert not any(counts.values())
    assert agreement.merge_known([]) == {}
