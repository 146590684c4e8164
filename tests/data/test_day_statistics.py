import numpy as np
import pytest

from lifelong.data import columns as cols
from lifelong.data.day_statistics import (
    CATEGORY,
    ITEM,
    KINDS,
    TOTAL,
    DayStatistics,
    add_up,
    count_days,
    part_path,
)
from lifelong.data.events import sort_events
from lifelong.data.keys import STATISTICS_COLUMNS
from tests.sample_statistics import statistics_of

DAY = 86_400


def log(*rows):
    """Returns rows (user, item, category, Unix seconds)."""
    columns = np.array(rows, np.int64).reshape(-1, 4).T
    return dict(zip(("user", "item", "category", "timestamp"), columns.copy(), strict=True))


def counts(statistics, kind, number, day):
    """Returns the counts of one id as of one day as a list."""
    (found,) = statistics.as_of(kind, np.array([number]), np.array([day]))
    return found.tolist()


def random_log(seed, rows=600):
    """Returns a log of few days with ties and repetitions, some ids of it large."""
    random = np.random.default_rng(seed)
    made = log(*zip(*(random.integers(0, high, rows) for high in (9, 30, 5, 1)), strict=True))
    made["item"] += np.where(made["item"] % 3, 0, 2**62)
    made["timestamp"] = random.integers(-20, 240, rows) * DAY // 2
    return {key: np.concatenate([column, column[:50]]) for key, column in made.items()}


def brute_force(events, kind, number, day):
    mine = {
        (int(u), int(i), int(c), int(t))
        for u, i, c, t in zip(
            *(events[k] for k in ("user", "item", "category", "timestamp")), strict=True
        )
        if number == {ITEM: i, CATEGORY: c, TOTAL: 0}[kind] and t // DAY < day
    }
    recent = [
        sum(day - length <= event[3] // DAY for event in mine) for length in (7, 28, 91, 10**6)
    ]
    return [*recent, len({event[0] for event in mine})]


def test_a_window_of_days_ends_before_the_day_and_begins_so_many_days_earlier(tmp_path):
    first_seconds = [day * DAY for day in (8, 9, 71, 72, 92, 93)]
    times = [*first_seconds, 100 * DAY - 1, 100 * DAY, 101 * DAY]
    statistics = statistics_of(log(*((u, 5, 50, t) for u, t in enumerate(times))), tmp_path)
    assert STATISTICS_COLUMNS == ("events_7d", "events_28d", "events_91d", "events", "users")
    for kind, number in ((ITEM, 5), (CATEGORY, 50), (TOTAL, 0)):
        assert counts(statistics, kind, number, 100) == [2, 4, 6, 7, 7]
        assert counts(statistics, kind, number, 101) == [2, 4, 6, 8, 8]
        assert counts(statistics, kind, number, 8) == [0] * 5
        assert counts(statistics, kind, number, 9) == [1, 1, 1, 1, 1]


def test_a_users_second_event_is_an_event_but_no_other_user(tmp_path):
    rows = [(1, 5, 50, 3 * DAY), (1, 5, 50, 3 * DAY + 1), (2, 5, 50, 4 * DAY), (1, 6, 50, 9 * DAY)]
    statistics = statistics_of(log(*rows), tmp_path)
    assert counts(statistics, ITEM, 5, 4) == [2, 2, 2, 2, 1]
    assert counts(statistics, ITEM, 5, 5) == [3, 3, 3, 3, 2]
    assert counts(statistics, ITEM, 6, 10) == [1, 1, 1, 1, 1], "of that item, the first"
    assert counts(statistics, CATEGORY, 50, 10) == [4, 4, 4, 4, 2]
    assert statistics.totals(np.array([10, 11])).tolist() == [[4, 4, 4, 4, 2], [2, 4, 4, 4, 2]]


def test_an_identical_event_counts_once(tmp_path):
    event = (1, 5, 50, 3 * DAY)
    statistics = statistics_of(log(event, event, (1, 5, 51, 3 * DAY)), tmp_path)
    assert counts(statistics, ITEM, 5, 4) == [2, 2, 2, 2, 1]
    assert counts(statistics, CATEGORY, 50, 4) == [1] * 5


def test_an_item_that_changes_its_category_stays_one_item(tmp_path):
    statistics = statistics_of(log((1, 5, 50, 3 * DAY), (2, 5, 51, 4 * DAY)), tmp_path)
    assert counts(statistics, ITEM, 5, 5) == [2, 2, 2, 2, 2]
    for category in (50, 51):
        assert counts(statistics, CATEGORY, category, 5) == [1] * 5


@pytest.mark.parametrize("number", [0, 4, 6, 2**63 - 1])
def test_what_the_log_has_not_is_counted_0(number, tmp_path):
    statistics = statistics_of(log((1, 5, 50, 3 * DAY), (2, 7, 50, 4 * DAY)), tmp_path, parts=2)
    assert counts(statistics, ITEM, number, 100) == [0] * 5


@pytest.mark.parametrize("parts", [1, 4])
@pytest.mark.parametrize("seed", range(3))
def test_counts_are_those_of_the_brute_force(seed, parts, tmp_path):
    events = random_log(seed)
    statistics = statistics_of(events, tmp_path, parts)
    for kind, ids in ((ITEM, events["item"]), (CATEGORY, events["category"]), (TOTAL, [0])):
        random = np.random.default_rng(seed)
        ids, days = random.choice(ids, 60), random.integers(-12, 125, 60)
        expected = [brute_force(events, kind, *asked) for asked in zip(ids, days, strict=True)]
        np.testing.assert_array_equal(statistics.as_of(kind, ids, days), expected)


def test_users_in_groups_add_up_to_all(tmp_path):
    events, _ = sort_events(random_log(7))
    groups = [cols.take(events, events["user"] % 3 == group) for group in range(3)]
    whole, parts = count_days(events), [count_days(group) for group in groups]
    for kind in KINDS:
        together = add_up([part[kind] for part in parts])
        for name, column in whole[kind].items():
            np.testing.assert_array_equal(together[name], column)


def test_the_newest_counts_are_of_the_day_after_the_last_event(tmp_path):
    events = random_log(8)
    newest = statistics_of(events, tmp_path, parts=3).newest()
    day = int(events["timestamp"].max()) // DAY + 1
    assert newest.time == day * DAY
    for kind, ids, found in (
        (ITEM, newest.items, newest.item_statistics),
        (CATEGORY, newest.categories, newest.category_statistics),
        (TOTAL, np.array([0]), newest.totals[None]),
    ):
        if kind != TOTAL:
            np.testing.assert_array_equal(ids, np.unique(events[kind]))
        np.testing.assert_array_equal(found, [brute_force(events, kind, i, day) for i in ids])


def test_the_newest_counts_of_candidates_are_those_as_of_that_day(tmp_path):
    statistics = statistics_of(random_log(10), tmp_path, parts=3)
    newest = statistics.newest()
    day = newest.time // DAY
    # Known and unknown ones, before, between and after them, some twice, in any order.
    items = np.array([2**62, -1, 1, 2**63 - 1, 1, 2**62 + 3, 40, 2**62 + 1])
    categories = np.array([4, 9, 0, 0, 3, -(2**63), 1, 4])
    found = newest.look_up(items, categories)
    assert found.time == newest.time
    for kind, ids, counted in ((ITEM, items, found.item), (CATEGORY, categories, found.category)):
        np.testing.assert_array_equal(counted, statistics.as_of(kind, ids, np.full(8, day)))
        assert counted.any(axis=1).sum() >= 3
    np.testing.assert_array_equal(found.request, newest.totals)


def test_a_log_without_events_has_counts_of_nothing(tmp_path):
    statistics = statistics_of(log(), tmp_path, parts=2)
    assert counts(statistics, ITEM, 5, 100) == [0] * 5
    assert statistics.totals(np.array([3])).tolist() == [[0] * 5]
    newest = statistics.newest()
    assert (newest.time, len(newest.items), newest.totals.tolist()) == (0, 0, [0] * 5)
    assert not newest.look_up(np.array([5, 6]), np.array([50, 50])).item.any()


def test_nothing_is_looked_up_for_no_ids(tmp_path):
    statistics = statistics_of(log((1, 5, 50, 3 * DAY)), tmp_path)
    none = np.zeros(0, np.int64)
    assert statistics.as_of(ITEM, none, none).shape == (0, 5)


def test_a_uri_gives_what_a_path_gives(tmp_path):
    events = random_log(9)
    local = statistics_of(events, tmp_path, parts=3)
    remote = DayStatistics(f"file://{tmp_path}")
    asked = events["item"], events["timestamp"] // DAY
    np.testing.assert_array_equal(remote.as_of(ITEM, *asked), local.as_of(ITEM, *asked))


def test_a_missing_part_is_told(tmp_path):
    statistics_of(random_log(10), tmp_path, parts=3)
    path = part_path(str(tmp_path), 1, 3)
    (tmp_path / path.rpartition("/")[2]).unlink()
    with pytest.raises(FileNotFoundError, match="part-1-of-3"):
        DayStatistics(str(tmp_path))
