from collections import Counter

import numpy as np
import pytest
import tensorflow as tf

from lifelong.models.history import History, sample_history, split_history


def history_of(*lengths, width):
    """Events whose items tell their row and place, and whose timestamps are minus their items."""
    item = 100 * np.arange(len(lengths))[:, np.newaxis] + np.arange(width)
    mask = np.arange(width) < np.array(lengths)[:, np.newaxis]
    values = {"history_item": tf.constant(item), "history_timestamp": tf.constant(-item)}
    return History(values, tf.constant(mask))


def test_parts_are_disjoint_and_cover_the_window():
    width = 7
    item = tf.range(3 * width, dtype=tf.int64)
    batch = {
        "history_item": tf.reshape(item, [3, width]),
        "history_length": tf.constant([7, 3, 1], tf.int64),
        "user": tf.constant([1, 2, 3]),
    }
    short, long = split_history(batch, short_length=2, long_length=4)
    np.testing.assert_array_equal(short.values["history_item"], batch["history_item"][:, :2])
    np.testing.assert_array_equal(long.values["history_item"], batch["history_item"][:, 2:6])
    np.testing.assert_array_equal(short.mask, [[1, 1], [1, 1], [1, 0]])
    np.testing.assert_array_equal(long.mask, [[1, 1, 1, 1], [1, 0, 0, 0], [0, 0, 0, 0]])
    assert set(short.values) == set(long.values) == {"history_item"}


@pytest.mark.parametrize(("width", "short_width", "long_width"), [(0, 0, 0), (1, 1, 0), (3, 2, 1)])
def test_narrow_histories_have_narrow_parts(width, short_width, long_width):
    batch = {
        "history_item": tf.zeros([1, width], tf.int64),
        "history_length": tf.constant([width], tf.int64),
    }
    short, long = split_history(batch, short_length=2, long_length=4)
    assert short.values["history_item"].shape == short.mask.shape == (1, short_width)
    assert long.values["history_item"].shape == long.mask.shape == (1, long_width)
    assert short.mask.numpy().all()
    assert long.mask.numpy().all()


@pytest.mark.parametrize("length", [5, 6, 100])
def test_a_history_that_is_no_longer_is_left_as_it_is(length):
    history = history_of(5, 2, width=5)
    sampled = sample_history(history, length)
    assert sampled.values["history_item"] is history.values["history_item"]
    assert sampled.mask is history.mask


def test_a_sample_keeps_the_order_and_takes_no_padding_while_events_remain():
    tf.random.set_seed(0)
    history = history_of(9, 4, 3, 0, width=9)
    for _ in range(30):
        sampled = sample_history(history, 4)
        item, mask = sampled.values["history_item"].numpy(), sampled.mask.numpy()
        np.testing.assert_array_equal(mask.sum(axis=1), [4, 4, 3, 0])
        # Valid ones first, as everywhere
        np.testing.assert_array_equal(mask, np.sort(mask, axis=1)[:, ::-1])
        for row in range(4):
            kept = item[row, mask[row]] - 100 * row
            assert (np.diff(kept) > 0).all()
            assert (kept < [9, 4, 3, 0][row]).all()
        # Fewer events than the sample holds are all kept.
        np.testing.assert_array_equal(item[1], [100, 101, 102, 103])
        np.testing.assert_array_equal(item[2, :3], [200, 201, 202])
        # All values of an event are taken together.
        np.testing.assert_array_equal(sampled.values["history_timestamp"], -item)


def test_every_subset_is_as_likely():
    tf.random.set_seed(0)
    draws = 3000
    sampled = sample_history(history_of(*[4] * draws, width=6), 2)
    pairs = Counter(map(tuple, sampled.values["history_item"].numpy() % 100))
    assert len(pairs) == 6
    expected = draws / 6
    # Of a chi-squared distribution of 5 degrees of freedom, 1 in 10,000 is above this.
    assert sum((count - expected) ** 2 / expected for count in pairs.values()) < 25.7


def test_rows_and_draws_differ():
    tf.random.set_seed(0)
    history = history_of(*[50] * 4, width=50)
    first, second = (sample_history(history, 5).values["history_item"] % 100 for _ in range(2))
    assert np.any(first != second)
    assert np.any(first[0] != first[1])


def test_samples_of_a_width_that_is_not_known():
    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None], tf.int64),
            tf.TensorSpec([None, None], tf.bool),
        ]
    )
    def traced(item, mask):
        sampled = sample_history(History({"history_item": item}, mask), 3)
        return sampled.values["history_item"], sampled.mask

    for lengths, width in (((5, 2), 5), ((2, 0), 2), ((0,), 0), ((3,), 3)):
        history = history_of(*lengths, width=width)
        item, mask = traced(history.values["history_item"], history.mask)
        np.testing.assert_array_equal(mask.numpy().sum(axis=1), np.minimum(lengths, 3))
        assert item.shape == mask.shape == (len(lengths), min(width, 3))
        if width <= 3:
            np.testing.assert_array_equal(item, history.values["history_item"])
