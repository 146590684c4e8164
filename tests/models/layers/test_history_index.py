import numpy as np
import pytest
import tensorflow as tf

from lifelong.models.layers.history_index import find_runs, index_history, positions_of

LARGEST = np.iinfo(np.int64).max


def test_events_of_one_id_are_a_run_newest_first_and_masked_ones_are_last():
    ids = tf.constant([[7, 5, 7, -1, 5, 7], [0, 0, 0, 0, 0, 0]], tf.int64)
    mask = tf.constant([[True, True, True, True, False, True], [False] * 6])
    index = index_history(ids, mask)
    np.testing.assert_array_equal(index.ids[0], [-1, 5, 7, 7, 7, LARGEST])
    np.testing.assert_array_equal(index.position, [[3, 1, 0, 2, 5, 4], [0, 1, 2, 3, 4, 5]])
    first, count = find_runs(index, tf.constant([[7, 6, -1, LARGEST], [0, 1, -1, LARGEST]]))
    np.testing.assert_array_equal(first, [[2, 2, 0, 5], [0, 0, 0, 0]])
    np.testing.assert_array_equal(count, [[3, 0, 1, 0], [0, 0, 0, 0]])


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_runs_hold_every_event_of_their_id(rng, dtype):
    ids = rng.integers(-3, 4, (5, 40)).astype(dtype)
    mask = rng.random((5, 40)) < [[0.0], [0.2], [0.5], [0.9], [1.0]]
    index = index_history(tf.constant(ids), tf.constant(mask))
    wanted = np.tile(np.arange(-5, 6, dtype=dtype), (5, 1))
    first, count = find_runs(index, tf.constant(wanted))
    for row, column in np.ndindex(*wanted.shape):
        events = np.flatnonzero(mask[row] & (ids[row] == wanted[row, column]))
        start = int(first[row, column])
        run = index.position[row, start : start + int(count[row, column])]
        np.testing.assert_array_equal(run, events)


def test_positions_of_places():
    index = index_history(tf.constant([[9, 8, 7]]), None)
    # A place outside the index is not looked up where the mask is False.
    place, mask = tf.constant([[[0, 2, 99, -1]]]), tf.constant([[[True, True, False, False]]])
    np.testing.assert_array_equal(positions_of(index, place, mask)[..., :2], [[[2, 0]]])


@pytest.mark.parametrize(("rows", "length", "wanted"), [(2, 0, 3), (2, 3, 0), (0, 3, 2)])
def test_empty_histories_and_nothing_wanted(rows, length, wanted):
    index = index_history(tf.zeros([rows, length], tf.int64), tf.ones([rows, length], tf.bool))
    first, count = find_runs(index, tf.zeros([rows, wanted], tf.int64))
    np.testing.assert_array_equal(first, np.zeros((rows, wanted)))
    np.testing.assert_array_equal(count, np.full((rows, wanted), length))
