import numpy as np
import pytest

from lifelong.models.layers import SearchedEvents
from lifelong.report.search_section import GAP_LABELS, FoundEvents, draw_records, gap_counts
from tests.sample_records import make_records, serialize, write_records

DAY = 86_400


def test_a_bucket_of_gaps_does_not_hold_its_upper_edge():
    gaps = np.array([0, DAY - 1, DAY, 3 * DAY, 729 * DAY, 730 * DAY, 5000 * DAY])
    counts = dict(zip(GAP_LABELS, gap_counts(gaps), strict=True))
    assert {label: count for label, count in counts.items() if count} == {
        "0-1": 2,
        "1-3": 1,
        "3-7": 1,
        "365-730": 1,
        "730+": 2,
    }


@pytest.fixture
def batch():
    """Two requests with S = 1 and L = 3: of the second one there is nothing to search."""
    return {
        "request_timestamp": np.array([100 * DAY, 100 * DAY]),
        "history_length": np.array([5, 1]),
        # Events 1 to 3 are the long part; event 4 is beyond it.
        "history_item": np.array([[9, 1, 2, 1, 1], [9, 0, 0, 0, 0]]),
        "history_category": np.array([[9, 5, 6, 5, 5], [9, 0, 0, 0, 0]]),
        "history_timestamp": DAY * np.array([[100, 98, 92, 80, 70], [99, 0, 0, 0, 0]]),
        "candidate_length": np.array([2, 1]),
        "candidate_item": np.array([[1, 7], [1, 0]]),
        "candidate_category": np.array([[5, 6], [5, 0]]),
    }


def test_what_is_found_is_counted_beside_what_is_searched(batch):
    sums = FoundEvents()
    position = np.array([[[1, 3], [2, -1]], [[-1, -1], [-1, -1]]])
    sums.add(batch, position, short=1, long=3)
    assert (sums.requests, sums.candidates) == (2, 2)
    # Three were found: of the first candidate's item both, and one of the second one's category.
    # Searched were 3 events for each of 2 candidates.
    assert sums.events.tolist() == [3, 6]
    assert sums.same_item.tolist() == [2, 2]
    assert sums.same_category.tolist() == [3, 3]
    found, searched = (dict(zip(GAP_LABELS, gaps, strict=True)) for gaps in sums.gaps)
    # Ages are 2, 8 and 20 days.
    assert (found["1-3"], found["7-14"], found["14-28"], sum(found.values())) == (1, 1, 1, 3)
    assert (searched["1-3"], searched["7-14"], searched["14-28"]) == (2, 2, 2)


def test_recall_is_that_of_candidates_with_something_to_search():
    sums = FoundEvents()
    position = np.array([[[0, 1], [0, 2]], [[0, 0], [0, 0]]])
    mask = np.array([[[True, True], [True, True]], [[False, False], [False, False]]])
    found = SearchedEvents(position, mask, np.zeros(position.shape))
    scores = np.array([[[3.0, 2.0, 1.0, 0.0], [3.0, 2.0, 1.0, 0.0]], np.zeros((2, 4)).tolist()])
    history_mask = np.array([[True] * 4, [False] * 4])
    candidates = np.array([[True, True], [True, False]])
    sums.add_recall(found, {"inner product": scores}, history_mask, candidates)
    # The first candidate's search found both of the best two events, the second one's one of them.
    assert sums.recalls == {"inner product": 1.5}
    # Two of four events at random have half of the best two.
    assert sums.chance == 1.0


def test_records_are_drawn_from_all_and_always_the_same_ones(tmp_path):
    made = make_records(users=30)
    write_records(made, tmp_path / "records.gz")
    files = [str(tmp_path / "records.gz")]
    every = [serialize(record) for record in made]
    assert draw_records(files, 30) == every
    seen = {every.index(record) for seed in range(40) for record in draw_records(files, 4, seed)}
    # Each is left out by 40 drawings with a chance of 0.4%.
    assert len(seen) > 25
    one = draw_records(files, 4)
    assert len(set(one)) == 4
    assert one == draw_records(files, 4)
