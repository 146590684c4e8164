import numpy as np
import pytest
import tensorflow as tf

from lifelong.data.features import Feature
from lifelong.models.gbdt.event_means import EventMeans

FEATURES = (
    Feature("behavior", of="event"),
    Feature("price", of="event", kind="numeric"),
    Feature("brand", of="candidate"),
)
VALUES = {"history_behavior": np.array([4, 9])}
NAN = float("nan")


def batch():
    """Two requests with two candidates each; the first has three events, the second none."""
    return {
        "candidate_category": tf.constant([[1, 2], [1, 2]], tf.int64),
        "history_category": tf.constant([[1, 7, 1, 1], [0, 0, 0, 0]], tf.int64),
        "history_behavior": tf.constant([[4, 9, 5, 4], [4, 4, 4, 4]], tf.int64),
        "history_price": tf.constant([[1.0, 2.0, 6.0, 99.0], [5.0] * 4]),
        "history_length": tf.constant([3, 0], tf.int64),
    }


def test_means_are_of_all_events_of_those_of_the_category_and_of_the_last_ones():
    everything, category, recent = EventMeans(FEATURES, VALUES, window=4, recent=2)(batch())
    third = 1 / 3
    # share of behaviour 4, of 9, mean price
    np.testing.assert_allclose(everything[0], [[third, third, 3]] * 2, rtol=1e-6)
    np.testing.assert_allclose(category[0], [[0.5, 0, 3.5], [NAN] * 3])
    np.testing.assert_allclose(recent[0], [[0.5, 0.5, 1.5]] * 2)
    for of_group in (everything, category, recent):
        np.testing.assert_array_equal(of_group[1], np.full((2, 3), NAN))


def test_means_of_a_category_are_those_of_its_events_wherever_they_lie():
    random = np.random.default_rng(0)
    length = np.array([40, 25, 0])
    history, price = random.integers(0, 6, (3, 40)), random.normal(size=(3, 40))
    wanted = np.array([[5, 0, 3, 3, 9]] * 3)
    of_category = EventMeans(FEATURES[1:2], {}, window=40, recent=0)(
        {
            "candidate_category": tf.constant(wanted),
            "history_category": tf.constant(history),
            "history_price": tf.constant(price, tf.float32),
            "history_length": tf.constant(length),
        }
    )[1]
    for row, column in np.ndindex(wanted.shape):
        same = (history[row] == wanted[row, column]) & (np.arange(40) < length[row])
        expected = price[row, same].mean() if same.any() else NAN
        np.testing.assert_allclose(of_category[row, column, 0], expected, rtol=1e-5)


def test_only_the_events_of_the_window_are_read():
    means = EventMeans(FEATURES, VALUES, window=2, recent=0)
    everything, category = means(batch())
    np.testing.assert_allclose(everything[0], [[0.5, 0.5, 1.5]] * 2)
    np.testing.assert_allclose(category[0], [[1, 0, 1], [NAN] * 3])


def test_the_most_frequent_values_have_shares():
    many = {"history_behavior": np.arange(1, 101)}
    means = EventMeans(FEATURES[:1], many, window=4, recent=0)(batch())
    assert means[0].shape == (2, 2, 16)


@pytest.mark.parametrize("features", [(), FEATURES[2:]])
def test_without_features_of_events_no_history_is_needed(features):
    means = EventMeans(features, {}, window=1000, recent=50)
    assert means(batch()) == []
    assert means.window == 1
