import numpy as np
import pytest

from lifelong.models.layers import SearchedEvents
from lifelong.models.recall import recall


def one(position, scores, mask=None, k=2, found_mask=None):
    """Returns the recall of one candidate of one request."""
    position = np.array([[position]], np.int32)
    found_mask = np.ones_like(position, bool) if found_mask is None else [[found_mask]]
    scores = np.array([[scores]], np.float32)
    mask = np.ones([1, scores.shape[2]], bool) if mask is None else np.array([mask])
    found = SearchedEvents(position, np.array(found_mask), np.zeros(position.shape))
    result = recall(found, scores, mask, k)
    assert result.shape == (1, 1)
    return result[0, 0]


@pytest.mark.parametrize(("found", "share"), [([1, 3], 1), ([3, 0], 0.5), ([2, 0], 0)])
def test_the_share_of_the_best_events_that_were_found(found, share):
    assert one(found, [0.0, 5.0, -1.0, 4.0]) == share


def test_any_of_the_events_of_equal_scores_is_right():
    assert one([0, 3], [2.0, 5.0, 2.0, 2.0]) == 1
    # No event of the score 5 is needed for that, but one of a lower score does not count.
    assert one([1, 4], [2.0, 5.0, 2.0, 2.0, 1.0]) == 0.5


def test_scores_that_differ_by_rounding_are_equal():
    assert one([0], [100.0, np.nextafter(np.float32(100), np.float32(200))], k=1) == 1
    assert one([0], [100.0, 100.1], k=1) == 0


def test_masked_events_are_not_wanted_and_with_few_valid_ones_fewer_are():
    mask = [True, False, True, False]
    assert one([0, 2], [1.0, 9.0, 2.0, 8.0], mask) == 1
    assert one([2, 0, 0], [1.0, 9.0, 2.0, 8.0], mask, 3, [True, True, False]) == 1
    assert one([0, 0], [-1.0, 9.0, 9.0, 8.0], [True, False, False, False], 2, [True, False]) == 1


def test_what_a_search_did_not_find_does_not_count():
    # Position 0 is the best event, but fills up what was not found.
    assert one([1, 0], [9.0, 8.0, 1.0], found_mask=[True, False]) == 0.5


def test_an_empty_history_has_no_recall():
    assert np.isnan(one([0, 0], [1.0, 2.0], [False, False], 2, [False, False]))


def test_each_request_and_candidate_has_its_own():
    scores = np.array([[[3.0, 2.0, 1.0], [1.0, 2.0, 3.0]], [[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]]])
    found = SearchedEvents(np.zeros([2, 2, 1], np.int32), np.ones([2, 2, 1], bool), None)
    mask = np.array([[True, True, True], [True, True, False]])
    np.testing.assert_array_equal(recall(found, scores, mask, 1), [[1, 0], [0, 1]])
