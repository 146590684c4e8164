import numpy as np
import pytest
import tensorflow as tf

from lifelong.models.candidate_matches import CandidateMatches
from tests.sample_models import small_spec

DAY = 86_400
UNKNOWN_ITEM = UNKNOWN_CATEGORY = 0
# Places of the numbers that the tests read, and how many there are of each relation.
COUNT, IS_ONE, ARE_TWO, LAST, FIRST, INTERVAL = range(6)
NUMBERS = 9


@pytest.fixture
def matches():
    return CandidateMatches(small_spec("full"))


def rows(values):
    return tf.constant(values, tf.int64)


def batch_of(items, categories):
    return {"candidate_item": rows(items), "candidate_category": rows(categories)}


def values_of(items, categories):
    return {"history_item": rows(items), "history_category": rows(categories)}


def test_by_hand(matches):
    batch = batch_of([[1, 2, 3]], [[1, 1, 2]])
    values = values_of([[1, 5, 1, 2, 1]], [[1, 1, 1, 3, 1]])
    gaps, mask = (
        rows([[DAY, 3 * DAY, 5 * DAY, 6 * DAY, 9 * DAY]]),
        tf.constant([[True] * 4 + [False]]),
    )
    evidence = matches(batch, values, gaps, mask).numpy()
    assert evidence.shape == (1, 3, 2 * NUMBERS)
    item, category = evidence[0, :, :NUMBERS], evidence[0, :, NUMBERS:]
    np.testing.assert_allclose(np.expm1(item[:, COUNT]), [2, 1, 0], atol=1e-5)
    np.testing.assert_allclose(np.expm1(category[:, COUNT]), [3, 3, 0], atol=1e-5)
    np.testing.assert_array_equal(item[:, IS_ONE], [1, 1, 0])
    np.testing.assert_array_equal(item[:, ARE_TWO], [1, 0, 0])
    hours = np.expm1(9.1 * item[:, [LAST, FIRST, INTERVAL]])
    np.testing.assert_allclose(hours, [[24, 120, 96], [144, 144, 0], [0, 0, 0]], rtol=1e-4)
    hours = np.expm1(9.1 * category[:, [LAST, FIRST, INTERVAL]])
    np.testing.assert_allclose(hours, [[24, 120, 48], [24, 120, 48], [0, 0, 0]], rtol=1e-4)


def test_unknown_items_and_categories_match_nothing(matches):
    """They share a row, but are different items."""
    batch = batch_of([[UNKNOWN_ITEM, UNKNOWN_ITEM, 1]], [[UNKNOWN_CATEGORY, 2, UNKNOWN_CATEGORY]])
    values = values_of([[UNKNOWN_ITEM] * 2], [[UNKNOWN_CATEGORY, 2]])
    evidence = matches(batch, values, rows([[5, 6]]), tf.ones([1, 2], tf.bool)).numpy()
    counts = np.expm1(evidence[0, :, [COUNT, NUMBERS + COUNT]])
    np.testing.assert_allclose(counts, [[0, 0, 0], [0, 1, 0]], atol=1e-5)


def test_each_candidates_own_events(matches):
    """As after a search: what another candidate found does not count."""
    batch = batch_of([[1, 2]], [[3, 1]])
    values = values_of([[[1, 1, 2], [1, 2, 2]]], [[[3, 3, 1], [3, 1, 1]]])
    mask = tf.constant([[[True, True, True], [True, True, False]]])
    gaps = rows([[[DAY, 2 * DAY, 3 * DAY], [4 * DAY, 5 * DAY, 6 * DAY]]])
    evidence = matches(batch, values, gaps, mask).numpy()[0]
    np.testing.assert_allclose(np.expm1(evidence[:, COUNT]), [2, 1], atol=1e-5)
    np.testing.assert_allclose(np.expm1(9.1 * evidence[:, LAST]), [24, 120], rtol=1e-4)


def test_shared_events_are_those_of_every_candidate(matches):
    rng = np.random.default_rng(0)
    batch = batch_of(rng.integers(0, 10, (3, 4)), rng.integers(0, 5, (3, 4)))
    values = values_of(rng.integers(0, 10, (3, 8)), rng.integers(0, 5, (3, 8)))
    gaps, mask = rows(rng.integers(0, 90 * DAY, (3, 8))), tf.constant(rng.random((3, 8)) < 0.7)

    def repeated(tensor):
        return tf.repeat(tensor[:, tf.newaxis], 4, axis=1)

    own = {key: repeated(value) for key, value in values.items()}
    expected = matches(batch, own, repeated(gaps), repeated(mask))
    assert np.any(expected)
    np.testing.assert_array_equal(matches(batch, values, gaps, mask), expected)


def test_no_events_and_padding_are_no_evidence(matches):
    batch = batch_of([[1, 2]], [[3, 1]])
    for width in (0, 3):
        values = values_of(np.ones([1, width], int), np.zeros([1, width], int))
        mask = tf.zeros([1, width], tf.bool)
        evidence = matches(batch, values, tf.zeros([1, width], tf.int64), mask)
        np.testing.assert_array_equal(evidence, np.zeros([1, 2, 2 * NUMBERS]))
