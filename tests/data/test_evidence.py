"""What is counted of a user's events, against values by hand and against plain loops."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lifelong.data.evidence import RECENT_DAYS, count_evidence, request_evidence

DAY = 86_400
# Noon.
NOW = 17_000 * DAY + DAY // 2
NAMES = ("timestamp", "item", "category")


def columns(rows):
    """Events of (timestamp, item, category), in the order of a history."""
    table = np.array(sorted(rows), np.int64).reshape(-1, 3).T
    return dict(zip(NAMES, table, strict=True))


def candidates(*pairs):
    item, category = np.array(pairs, np.int64).reshape(-1, 2).T
    return {"item": item, "category": category}


# Days before the request, item, category; two of one item and time.
HISTORY = columns(
    (NOW - age, item, category)
    for age, item, category in [
        (100 * DAY, 1, 5),
        (90 * DAY, 1, 5),
        (30 * DAY + 1, 2, 5),
        (30 * DAY, 1, 6),
        (7 * DAY, 1, 5),
        (1, 3, 5),
        (1, 1, 6),
        (0, 1, 5),
        (-5, 1, 5),
    ]
)


def test_values_by_hand():
    found = count_evidence(
        HISTORY, candidates((1, 5), (1, 6), (3, 5), (2, 6), (1, 7), (1, 5)), NOW, 100
    )
    one = [3, 1, 1, 2, NOW - 7 * DAY, NOW - 90 * DAY, NOW - 100 * DAY]
    none = [0] * 7
    assert found.item.tolist() == [
        one,
        [2, 1, 2, 2, NOW - 1, NOW - 30 * DAY, NOW - 30 * DAY],
        [1, 1, 1, 1, NOW - 1, 0, NOW - 1],
        none,
        none,
        one,
    ]
    five = [5, 2, 2, 4, NOW - 1, NOW - 7 * DAY, NOW - 100 * DAY]
    six = [2, 1, 2, 2, NOW - 1, NOW - 30 * DAY, NOW - 30 * DAY]
    assert found.category.tolist() == [five, six, five, six, none, five]
    # The events 30 days before lie on one day: one is a second older.
    assert found.request.tolist() == [7, 5, NOW - 100 * DAY, NOW - 1]
    assert {part.dtype for part in found} == {np.dtype(np.int64)}


def test_the_window_has_the_newest_events():
    # Of the two events of one time, the one of item 1 comes first.
    found = count_evidence(HISTORY, candidates((1, 6), (3, 5)), NOW, 1)
    assert found.item[:, 0].tolist() == [0, 1]
    assert found.request.tolist() == [1, 1, NOW - 1, NOW - 1]
    found = count_evidence(HISTORY, candidates((1, 5)), NOW - 7 * DAY + 1, 2)
    assert found.category[0].tolist() == [1, 1, 1, 1, NOW - 7 * DAY, 0, NOW - 7 * DAY]
    assert found.request.tolist() == [2, 2, NOW - 30 * DAY, NOW - 7 * DAY]


def test_no_events_and_no_candidates():
    for history, time in ((columns([]), NOW), (HISTORY, 5)):
        found = count_evidence(history, candidates((1, 5), (2, 5)), time, 10)
        assert not any(part.any() for part in found)
        assert found.item.shape == found.category.shape == (2, 7)
    found = count_evidence(HISTORY, candidates(), NOW, 10)
    assert found.item.shape == found.category.shape == (0, 7)
    assert request_evidence(0, 0).tolist() == [0, 0, 0, 0]


def counted(times, now):
    """The seven columns of events at these times, oldest first."""
    recent = [sum(0 <= now - time <= days * DAY for time in times) for days in RECENT_DAYS]
    return [len(times), *recent, *(times[-1:] or [0]), *(times[-2:-1] or [0]), *(times[:1] or [0])]


few = st.integers(0, 3)
some_rows = st.lists(st.tuples(st.integers(0, 12).map(lambda t: t * 8 * DAY // 3), few, few))


@settings(max_examples=150, deadline=None)
@given(some_rows, st.lists(st.tuples(few, few)), st.integers(0, 40 * DAY), st.integers(1, 30))
def test_any_history_is_counted_as_by_hand(rows, pairs, now, limit):
    window = [row for row in sorted(rows) if row[0] < now][-limit:]
    times = [time for time, _, _ in window]
    found = count_evidence(columns(rows), candidates(*pairs), now, limit)
    assert found.item.tolist() == [
        counted([t for t, item, category in window if (item, category) == pair], now)
        for pair in pairs
    ]
    assert found.category.tolist() == [
        counted([t for t, _, category in window if category == wanted], now) for _, wanted in pairs
    ]
    days = len({time // DAY for time in times})
    assert found.request.tolist() == [
        len(times),
        days,
        *(times[:1] or [0]),
        *(times[-1:] or [0]),
    ]
