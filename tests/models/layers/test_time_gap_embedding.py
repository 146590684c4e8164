import numpy as np
import pytest
import tensorflow as tf

from lifelong.models.layers import TimeGapEmbedding

YEAR = 365 * 24 * 3600


def test_buckets_by_hand():
    layer = TimeGapEmbedding(2, buckets=6, max_gap_seconds=10_000)
    gaps = [-(2**62), -1, 0, 1, 9, 10, 99, 100, 999, 1000, 9_999, 10_000, 10_001, 2**62]
    expected = [0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 5]
    buckets = layer.bucket(tf.constant(gaps, tf.int64))
    assert buckets.dtype == tf.int32
    np.testing.assert_array_equal(buckets, expected)


def test_default_buckets_go_from_seconds_to_years():
    layer = TimeGapEmbedding(4)
    gaps = [1, 60, 3600, 24 * 3600, 30 * 24 * 3600, YEAR, 2 * YEAR, 10 * YEAR, 100 * YEAR]
    buckets = layer.bucket(tf.constant(gaps, tf.int64)).numpy()
    # Bucket 1 + floor(30 log(gap) / log(10 years)), by hand
    np.testing.assert_array_equal(buckets, [1, 7, 13, 18, 23, 27, 28, 31, 31])


def test_huge_gaps_are_compared_exactly():
    start = 2**53
    layer = TimeGapEmbedding(1, buckets=3, max_gap_seconds=start + 1)
    gaps = tf.constant([start, start + 1], tf.int64)
    np.testing.assert_array_equal(layer.bucket(gaps), [1, 2])


@pytest.mark.parametrize(
    ("buckets", "max_gap_seconds"), [(3, 3), (50, 50), (64, 100), (64, 10 * YEAR)]
)
def test_monotone_and_every_bucket_is_reachable(buckets, max_gap_seconds):
    layer = TimeGapEmbedding(1, buckets, max_gap_seconds)
    assert len(layer.starts) == buckets - 1
    assert (layer.starts[0], layer.starts[-1]) == (1, max_gap_seconds)
    assert list(np.diff(layer.starts) > 0) == [True] * (buckets - 2)
    starts = np.array(layer.starts)
    np.testing.assert_array_equal(layer.bucket(tf.constant(starts)), np.arange(1, buckets))
    np.testing.assert_array_equal(layer.bucket(tf.constant(starts - 1)), np.arange(buckets - 1))


@pytest.mark.parametrize("shape", [(), (3,), (2, 0), (1, 1), (2, 3, 4)])
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_embeds_the_bucket(rng, shape, dtype):
    layer = TimeGapEmbedding(5, buckets=8, max_gap_seconds=1000)
    gaps = np.asarray(rng.integers(-10, 2000, shape), dtype)
    embedded = layer(tf.constant(gaps))
    assert embedded.shape == (*shape, 5)
    np.testing.assert_array_equal(embedded, np.asarray(layer.table)[layer.bucket(gaps)])


def test_the_table_is_trained():
    layer = TimeGapEmbedding(2, buckets=3, max_gap_seconds=10)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(tf.constant([0, 5, 5, 99])))
    (gradient,) = tape.gradient(total, layer.trainable_variables)
    np.testing.assert_array_equal(tf.convert_to_tensor(gradient), [[1, 1], [2, 2], [1, 1]])


def test_mixed_precision_keeps_the_buckets(mixed_precision):
    layer = TimeGapEmbedding(2)
    gaps = tf.constant([70_001, 2**40], tf.int64)
    assert layer(gaps).dtype == mixed_precision
    np.testing.assert_array_equal(
        layer.bucket(gaps), TimeGapEmbedding(2, dtype="float32").bucket(gaps)
    )
