import numpy as np
import tensorflow as tf

from lifelong.models.layers import HistoryEvidence
from lifelong.models.layers.event_counts import EventCounts

HOUR, DAY = 3600, 86_400
NOW = 1_500_000_000
YEAR = 9.1


def log_hours(seconds):
    return np.log1p(seconds / HOUR) / YEAR


def evidence_of(candidates, history, mask=None):
    """Numbers for one request: candidates (item, category), events (item, category, seconds ago)."""
    item, category = (tf.constant([column], tf.int64) for column in zip(*candidates, strict=True))
    items, categories, ages = (
        np.array([column], np.int64) for column in zip(*history, strict=True)
    )
    mask = np.ones(items.shape, bool) if mask is None else np.array([mask])
    request = tf.constant([NOW], tf.int64)
    return HistoryEvidence()(item, category, items, categories, NOW - ages, request, mask)[
        0
    ].numpy()


def test_by_hand():
    (numbers,) = evidence_of([(1, 5)], [(1, 5, DAY), (2, 5, 2 * DAY), (1, 5, 11 * DAY)])
    of_item = [
        np.log(3),
        1,
        1,
        *(log_hours(days * DAY) for days in (1, 11, 10, 10)),
        *[np.log(2 / 11) / 2] * 2,
        *(np.log(2), np.log(3), np.log(3)),
        np.log(2.1 / 4) / 4 + 1.5,
        np.log(2.1 / 4) / 4 + 1,
    ]
    of_category = [
        np.log(4),
        1,
        1,
        *(log_hours(days * DAY) for days in (1, 11, 1, 5)),
        np.log(2 / 6) / 2,
        np.log(2 / 2) / 2,
        *(np.log(3), np.log(4), np.log(4)),
        np.log(3.1 / 4) / 4 + 1.5,
        np.log(3.1 / 4) / 4 + 1,
    ]
    of_request = [np.log(4) / 8, np.log(4) / 5, 0, log_hours(5 * DAY), log_hours(DAY)]
    expected = [*of_item, *of_category, np.log(2.1 / 3.5) / 2, *of_request]
    np.testing.assert_allclose(numbers, expected, rtol=1e-5, atol=1e-6)


def test_masked_events_do_not_count():
    history = [(1, 5, DAY), (1, 5, 2 * DAY)]
    np.testing.assert_array_equal(
        evidence_of([(1, 5), (3, 5)], history, [True, False]),
        evidence_of([(1, 5), (3, 5)], history[:1]),
    )


def test_more_events_are_never_the_same(rng):
    seen = [evidence_of([(1, 5)], [(1, 5, DAY)] * count)[0, 0] for count in (1, 10, 100, 1000)]
    assert np.all(np.diff(seen) > 1)


def test_of_counts_says_the_same_as_of_events(rng):
    layer = HistoryEvidence()
    counts = EventCounts(
        tf.constant([[[1, 1, 1, 1, NOW - DAY, 0, NOW - DAY]]], tf.int64),
        tf.constant([[[2, 2, 2, 2, NOW - HOUR, NOW - DAY, NOW - DAY]]], tf.int64),
        tf.constant([[2, 2, NOW - DAY, NOW - HOUR]], tf.int64),
    )
    np.testing.assert_array_equal(
        layer.of_counts(counts, tf.constant([NOW], tf.int64))[0],
        evidence_of([(1, 5)], [(2, 5, HOUR), (1, 5, DAY)]),
    )


def test_without_events_all_is_finite_and_the_same():
    empty = evidence_of([(1, 5), (2, 6)], [(1, 5, DAY)], [False])
    assert np.isfinite(empty).all()
    np.testing.assert_array_equal(empty[0], empty[1])
