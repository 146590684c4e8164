import numpy as np
import pytest
import tensorflow as tf

from lifelong.models.layers import MatchEvidence

HOUR, DAY = 3600, 86_400
YEAR = 9.1


def random_inputs(rng, rows=2, candidates=3, events=5):
    return (
        rng.random((rows, candidates, events)) < 0.4,
        rng.integers(0, 400 * DAY, (rows, candidates, events)),
    )


def log_hours(seconds):
    return np.log1p(seconds / HOUR) / YEAR


def one_by_one(match, gap, decay_days):
    """The definition, one candidate at a time."""
    output = np.zeros((*match.shape[:2], 6 + len(decay_days)))
    for row, column in np.ndindex(*match.shape[:2]):
        gaps = np.sort(gap[row, column, match[row, column]]).astype(float)
        if len(gaps):
            intervals = np.diff(gaps) if len(gaps) > 1 else np.zeros(1)
            output[row, column] = [
                np.log1p(len(gaps)),
                1,
                len(gaps) > 1,
                log_hours(gaps[0]),
                log_hours(gaps[-1]),
                log_hours(intervals.mean()),
                *(np.exp(-gaps / DAY / days).sum() for days in decay_days),
            ]
    return output


def test_by_hand():
    match = tf.constant([[[True, False, True, True], [False, True, False, False], [False] * 4]])
    gap = tf.constant([[HOUR, 2 * HOUR, DAY, 2 * DAY]], tf.int64)
    thrice = [
        np.log(4),
        1,
        1,
        np.log(2) / YEAR,
        np.log(49) / YEAR,
        np.log(1 + 47 / 2) / YEAR,
        np.exp(-1 / 48) + np.exp(-1 / 2) + np.exp(-1),
    ]
    once = [np.log(2), 1, 0, np.log(3) / YEAR, np.log(3) / YEAR, 0, np.exp(-1 / 24)]
    evidence = MatchEvidence(decay_days=(2.0,))(match, gap)
    np.testing.assert_allclose(evidence, [[thrice, once, [0] * 7]], rtol=1e-5)


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize("decay_days", [(), (1.0, 30.0)])
def test_equals_its_definition(rng, decay_days, dtype):
    for rows, candidates, events in ((2, 3, 5), (1, 1, 1), (1, 4, 30), (3, 1, 2)):
        match, gap = random_inputs(rng, rows, candidates, events)
        evidence = MatchEvidence(decay_days)(match, gap.astype(dtype))
        assert evidence.dtype == tf.float32
        np.testing.assert_allclose(evidence, one_by_one(match, gap, decay_days), atol=1e-5)


def test_shared_events_are_those_of_every_candidate(rng):
    match, gap = random_inputs(rng)
    repeated = np.repeat(gap[:, :1], 3, axis=1)
    layer = MatchEvidence()
    np.testing.assert_array_equal(layer(match, gap[:, 0]), layer(match, repeated))
    assert np.any(layer(match, gap) != layer(match, repeated))


def test_order_of_events_does_not_matter(rng):
    match, gap = random_inputs(rng, events=9)
    order = rng.permutation(9)
    np.testing.assert_allclose(
        MatchEvidence()(match[:, :, order], gap[:, :, order]),
        MatchEvidence()(match, gap),
        rtol=1e-6,
    )


def test_no_events_at_all_give_zeros():
    for events in (0, 4):
        match, gap = tf.zeros([2, 3, events], tf.bool), tf.ones([2, events], tf.int64)
        np.testing.assert_array_equal(MatchEvidence()(match, gap), np.zeros([2, 3, 9]))


def test_events_after_the_request_count_as_now():
    layer, match = MatchEvidence(), tf.constant([[[True, True]]])
    np.testing.assert_array_equal(
        layer(match, tf.constant([[[-5, 7200]]])), layer(match, tf.constant([[[0, 7200]]]))
    )
