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


def test_what_does_not_match_changes_nothing(rng):
    match, gap = random_inputs(rng)
    for content in (-(10**12), 0, 10**12):
        padded = np.where(match, gap, content)
        np.testing.assert_array_equal(MatchEvidence()(match, padded), MatchEvidence()(match, gap))


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


def test_shapes_known_and_unknown(rng):
    layer = MatchEvidence(decay_days=(3.0,))

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None, None], tf.bool),
            tf.TensorSpec([None, None], tf.int64),
        ]
    )
    def traced(match, gap):
        output = layer(match, gap)
        assert output.shape.as_list() == [None, None, 7]
        return output

    for shape in ((1, 1, 1), (3, 2, 4), (2, 3, 0), (2, 0, 3), (0, 2, 3)):
        match, _ = random_inputs(rng, *shape)
        shared = rng.integers(0, 400 * DAY, (shape[0], shape[2]))
        expected = one_by_one(match, np.broadcast_to(shared[:, np.newaxis], shape), (3.0,))
        output = traced(tf.constant(match), tf.constant(shared))
        np.testing.assert_allclose(output, expected, atol=1e-5)


def test_mixed_precision_keeps_the_numbers(rng, mixed_precision):
    del mixed_precision
    match, gap = random_inputs(rng)
    evidence = MatchEvidence()(match, gap)
    assert evidence.dtype == tf.float32
    np.testing.assert_allclose(evidence, one_by_one(match, gap, (7.0, 30.0, 90.0)), atol=1e-5)


def test_config():
    again = MatchEvidence.from_config(MatchEvidence(decay_days=(1.0, 5.0)).get_config())
    assert again.decay_days == (1.0, 5.0)


@pytest.mark.parametrize(
    ("match", "gap", "message"),
    [
        ([2, 5], [2, 5], r"`match` has shape \(2, 5\); expected \[B, N, K\]"),
        ([2, 3, 5], [2, 3, 4], r"`gap` .*expected \[B, N, K\] with K = 5 as in `match`"),
        ([2, 3, 5], [2, 4], r"`gap` .*expected \[B, K\] with K = 5 as in `match`"),
        ([2, 3, 5], [1, 5], r"`gap` .*expected \[B, K\] with B = 2 as in `match`"),
        ([2, 3, 5], [5], r"`gap` has shape \(5,\); expected \[B, N, K\]"),
    ],
)
def test_bad_shapes(match, gap, message):
    with pytest.raises(ValueError, match=f"MatchEvidence: {message}"):
        MatchEvidence()(tf.zeros(match, tf.bool), tf.zeros(gap, tf.int64))


def test_other_bad_inputs():
    match, gap = tf.zeros([1, 1, 2], tf.bool), tf.zeros([1, 2], tf.int64)
    with pytest.raises(ValueError, match=r"`match` .* has dtype int64; expected bool"):
        MatchEvidence()(tf.cast(match, tf.int64), gap)
    with pytest.raises(ValueError, match=r"`gap` .* has dtype float32; expected int64 or int32"):
        MatchEvidence()(match, tf.cast(gap, tf.float32))
    for days in (0, -1.0):
        with pytest.raises(ValueError, match=rf"`decay_days` holds {days}; expected numbers above"):
            MatchEvidence(decay_days=(7.0, days))
