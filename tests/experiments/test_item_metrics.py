import numpy as np
import pytest

from lifelong.experiments.item_metrics import (
    ItemMetrics,
    TrainingItems,
    metrics_by_item,
    read_training_items,
)
from lifelong.models.scores import CandidateScores
from tests.sample_records import make_records

# Of four items with training events two are in the vocabulary.
ITEMS = TrainingItems(vocabulary=np.array([7, 5]), seen=np.array([2, 3, 5, 7]))


def scores(rows):
    """Rows of (item, label, score)."""
    item, label, score = map(np.array, zip(*rows, strict=True))
    zeros = np.zeros(len(item), np.int64)
    return CandidateScores(
        user=zeros, request=zeros, item=item, history_events=zeros, label=label, score=score
    )


def test_each_group_is_ordered_by_itself():
    rows = [
        (5, 1, 0.8),
        (7, 0, 0.9),
        (7, 0, 0.1),
        # Unknown ones: 2 and 3 have events, 9 and 8 have none.
        (2, 1, 0.5),
        (3, 0, 0.6),
        (9, 1, 0.7),
        (8, 0, 0.2),
    ]
    assert metrics_by_item(scores(rows), ITEMS) == (
        ItemMetrics("known", 0.5, candidates=3, clicked=1),
        # 0.5 and 0.7 against 0.6 and 0.2: three of four pairs
        ItemMetrics("unknown", 0.75, candidates=4, clicked=2),
        ItemMetrics("unseen", 1.0, candidates=2, clicked=1),
    )


def test_a_group_without_candidates_is_left_out_and_one_of_equal_labels_has_no_auc():
    (known, unknown) = metrics_by_item(scores([(5, 1, 0.8), (5, 0, 0.3), (2, 1, 0.5)]), ITEMS)
    assert known == ItemMetrics("known", 1.0, candidates=2, clicked=1)
    assert unknown == ItemMetrics("unknown", None, candidates=1, clicked=1)


def test_what_the_training_data_know_is_read_from_vocabulary_and_events(data):
    items = read_training_items(data)
    events = np.concatenate([record["history_item"] for record in make_records(users=16, seed=0)])
    ids, counts = np.unique(events, return_counts=True)
    np.testing.assert_array_equal(items.seen, ids)
    # The vocabulary of these records counts items from two events on.
    np.testing.assert_array_equal(np.sort(items.vocabulary), ids[counts >= 2])
    assert len(items.vocabulary) < len(items.seen)


@pytest.mark.parametrize("items", [np.zeros(0, np.int64), np.array([5])])
def test_a_vocabulary_without_items_knows_none(items):
    nothing = TrainingItems(vocabulary=items[:0], seen=items)
    (unknown, *_) = metrics_by_item(scores([(5, 1, 0.8)]), nothing)
    assert unknown.items == "unknown"
