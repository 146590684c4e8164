import numpy as np
import pytest
import tensorflow as tf

from lifelong.data.evidence import COLUMNS, RECENT_DAYS, count_evidence
from lifelong.models.layers.event_counts import Events, count_events

DAY = 86_400
NOW = 1_500_000_000


def counted(candidates, histories, now):
    """Counts for requests, each with lists of (item, category) and of (item, category, timestamp)."""
    width = max((len(history) for history in histories), default=0)
    padded = np.full((len(histories), width, 3), 7, np.int64)
    for row, history in enumerate(histories):
        padded[row, : len(history)] = np.reshape(history, (-1, 3))
    lengths = np.array([len(history) for history in histories])
    mask = np.arange(width) < lengths[:, np.newaxis]
    columns = np.asarray(candidates, np.int64)
    counts = count_events(
        tf.constant(columns[..., 0]),
        tf.constant(columns[..., 1]),
        tf.constant(now, tf.int64),
        Events.of(tf.constant(mask), *(tf.constant(padded[..., i]) for i in range(3))),
    )
    return [values.numpy() for values in counts]


def test_by_hand():
    history = [
        (1, 5, NOW - 7 * DAY),
        (2, 5, NOW - 7 * DAY - 1),
        (1, 6, NOW - 30 * DAY),
        (1, 5, NOW - 90 * DAY),
        (1, 5, NOW - 91 * DAY),
    ]
    item, category, request = counted([[(1, 5), (2, 5), (9, 6), (1, 7)]], [history], [NOW])
    times = [time for *_, time in history]
    np.testing.assert_array_equal(
        item[0],
        [
            [3, 1, 1, 2, times[0], times[3], times[4]],
            [1, 0, 1, 1, times[1], 0, times[1]],
            [0] * 7,
            [0] * 7,
        ],
    )
    np.testing.assert_array_equal(
        category[0],
        [
            [4, 1, 2, 3, times[0], times[1], times[4]],
            [4, 1, 2, 3, times[0], times[1], times[4]],
            [1, 0, 1, 1, times[2], 0, times[2]],
            [0] * 7,
        ],
    )
    # The first two lie on one day.
    np.testing.assert_array_equal(request, [[5, 4, times[4], times[0]]])


@pytest.mark.parametrize(
    ("requests", "candidates", "events"), [(4, 6, 30), (1, 1, 1), (3, 5, 0), (2, 9, 200)]
)
def test_counts_what_numpy_counts(rng, requests, candidates, events):
    now = NOW + rng.integers(0, 50 * DAY, requests)
    histories, wanted = [], rng.integers(-1, 5, (requests, candidates, 2))
    for time in now:
        # Few different times: events of a basket share theirs.
        ages = np.sort(rng.integers(1, 40, rng.integers(0, events + 1))) * 3 * DAY + 1
        histories.append([(*rng.integers(-1, 5, 2), time - age) for age in ages])
    item, category, request = counted(wanted, histories, now)
    for row, history in enumerate(histories):
        columns = np.reshape(np.array(history, np.int64), (-1, 3))[::-1].T
        expected = count_evidence(
            dict(zip(("item", "category", "timestamp"), columns, strict=True)),
            {"item": wanted[row, :, 0], "category": wanted[row, :, 1]},
            int(now[row]),
            limit=1000,
        )
        np.testing.assert_array_equal(item[row], expected.item)
        np.testing.assert_array_equal(category[row], expected.category)
        np.testing.assert_array_equal(request[row], expected.request)


def test_requests_without_candidates_or_none_at_all_count_nothing():
    item, category, request = counted(np.zeros((2, 0, 2)), [[], [(1, 2, NOW - 1)]], [NOW, NOW])
    assert item.shape == category.shape == (2, 0, len(COLUMNS))
    np.testing.assert_array_equal(request, [[0, 0, 0, 0], [1, 1, NOW - 1, NOW - 1]])
    item, category, request = counted(np.zeros((0, 3, 2)), [], np.zeros(0))
    assert item.shape == category.shape == (0, 3, len(COLUMNS))
    assert request.shape == (0, 4)


def test_ids_of_any_size_are_told_apart():
    large = 2**63 - 1
    history = [(large, 2**62, NOW - 5), (large - 1, 2**62, NOW - 9)]
    item, category, _ = counted([[(large, 2**62), (large - 1, 2**62)]], [history], [NOW])
    assert item[0, :, 0].tolist() == [1, 1]
    assert item[0, :, COLUMNS.index("last")].tolist() == [NOW - 5, NOW - 9]
    assert category[0, :, 0].tolist() == [2, 2]
    # The largest id is not taken for one that is not there.
    item, category, _ = counted([[(5, 6)]] * 2, [[(large, large, NOW - 5)], []], [NOW, NOW])
    assert not item[:, :, 0].any()
    assert not category[:, :, 0].any()


def test_an_age_at_the_limit_counts():
    for place, days in enumerate(RECENT_DAYS, start=1):
        history = [(1, 1, NOW - days * DAY), (1, 1, NOW - days * DAY - 1)]
        item, _, _ = counted([[(1, 1)]], [history], [NOW])
        assert item[0, 0, place] == 1
