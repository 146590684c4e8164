import numpy as np
import pytest
import tensorflow as tf

from lifelong.models.embeddings import Embeddings
from lifelong.models.timed_events import TimedEvents, time_gaps
from tests.sample_models import small_spec


@pytest.fixture
def embeddings():
    tf.keras.utils.set_random_seed(1)
    return Embeddings(small_spec("none"))


def events(*shape):
    rng = np.random.default_rng(0)
    return {
        "history_item": tf.constant(rng.integers(0, 71, shape)),
        "history_category": tf.constant(rng.integers(0, 8, shape)),
        "history_timestamp": tf.constant(rng.integers(0, 10**6, shape)),
    }


@pytest.mark.parametrize("shape", [(2, 5), (2, 3, 4), (1, 0)])
def test_an_events_embedding_and_then_that_of_its_age(embeddings, shape):
    values = events(*shape)
    gaps = tf.constant(np.random.default_rng(1).integers(0, 10**8, shape))
    timed = TimedEvents(embeddings, 4)
    output = timed(values, gaps)
    assert output.shape == (*shape, 8 + 4 + 4)
    np.testing.assert_array_equal(output[..., :8], embeddings.item(values["history_item"]))
    np.testing.assert_array_equal(
        output[..., 8:12], embeddings.category(values["history_category"])
    )
    np.testing.assert_array_equal(output[..., 12:], timed.time_gap(gaps))


def test_time_can_be_left_out(embeddings):
    values = events(2, 5)
    timed = TimedEvents(embeddings, 0)
    output = timed(values, tf.zeros([2, 5], tf.int64))
    assert output.shape == (2, 5, 12)
    np.testing.assert_array_equal(
        output, timed(values, tf.fill([2, 5], tf.constant(10**9, tf.int64)))
    )
    assert timed.time_gap is None


def test_gaps_are_seconds_from_each_event_to_its_own_request():
    batch = {"request_timestamp": tf.constant([100, 1000], tf.int64)}
    of_requests = {"history_timestamp": tf.constant([[90, 40], [999, 1001]], tf.int64)}
    np.testing.assert_array_equal(time_gaps(batch, of_requests), [[10, 60], [1, -1]])
    of_candidates = {
        "history_timestamp": tf.constant([[[90, 40]] * 3, [[999, 1001]] * 3], tf.int64)
    }
    np.testing.assert_array_equal(time_gaps(batch, of_candidates), [[[10, 60]] * 3, [[1, -1]] * 3])


def test_gaps_of_any_number_of_requests_and_events():
    @tf.function(
        input_signature=[tf.TensorSpec([None], tf.int64), tf.TensorSpec([None, None], tf.int64)]
    )
    def traced(requests, timestamps):
        return time_gaps({"request_timestamp": requests}, {"history_timestamp": timestamps})

    for rows, width in ((1, 1), (3, 0), (0, 2), (2, 5)):
        requests, timestamps = tf.range(rows, dtype=tf.int64), tf.zeros([rows, width], tf.int64)
        expected = np.tile(np.arange(rows)[:, np.newaxis], (1, width))
        np.testing.assert_array_equal(traced(requests, timestamps), expected)
