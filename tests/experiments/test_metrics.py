import math

import numpy as np
import pytest

from lifelong.components.evaluation import log_loss
from lifelong.experiments.metrics import metrics_by_history
from lifelong.models.scores import CandidateScores


def scores(rows):
    """Rows of (user, request, history_events, label, score)."""
    user, request, events, label, score = map(np.array, zip(*rows, strict=True))
    return CandidateScores(
        user=user,
        item=np.arange(len(user)),
        label=label.astype(np.float32),
        score=score,
        history_events=events,
        request=request,
    )


ROWS = [
    (1, 0, 99, 1, 0.8),
    (1, 0, 99, 0, 0.4),
    (1, 1, 100, 0, 0.9),
    (2, 2, 1200, 1, 0.3),
    (2, 2, 1200, 0, 0.2),
]


def test_metrics_of_all_requests_by_hand():
    overall = metrics_by_history(scores(ROWS))[0]
    # Positives 0.8 and 0.3 against negatives 0.4, 0.9, 0.2: right are 0.8 over 0.4 and 0.2, and
    # 0.3 over 0.2.
    assert overall.auc == pytest.approx(3 / 6)
    # User 1, of 3 impressions: 1 of 2 pairs; user 2, of 2: 1 of 1.
    assert overall.gauc == pytest.approx((3 * 0.5 + 2 * 1.0) / 5)
    right = [0.8, 0.6, 0.1, 0.3, 0.8]
    assert overall.log_loss == pytest.approx(-sum(map(math.log, right)) / 5, rel=1e-6)
    assert (overall.history, overall.requests, overall.candidates) == ("all", 3, 5)


def test_buckets_hold_their_lower_edge_and_empty_ones_are_left_out():
    rows = metrics_by_history(scores(ROWS))
    assert [(row.history, row.requests, row.candidates) for row in rows[1:]] == [
        ("0-100", 1, 2),
        ("100-300", 1, 1),
        ("1,200+", 1, 2),
    ]
    assert rows[1].auc == 1.0
    # One candidate, and not a positive one: there is no pair to order.
    assert rows[2].auc is None
    assert rows[2].gauc is None
    assert rows[2].log_loss == pytest.approx(-math.log(0.1), rel=1e-6)


def test_a_certain_and_wrong_score_costs_what_the_evaluator_says():
    (overall, *_) = metrics_by_history(scores([(1, 0, 0, 1, 0.0), (1, 0, 0, 0, 0.5)]))
    expected = (-math.log(log_loss.EPSILON) - math.log(0.5)) / 2
    assert overall.log_loss == pytest.approx(expected, rel=1e-6)


def test_tied_scores_count_half():
    (overall, *_) = metrics_by_history(scores([(1, 0, 0, 1, 0.5), (1, 0, 0, 0, 0.5)]))
    assert overall.auc == overall.gauc == 0.5


def test_no_candidate_is_an_error():
    empty = CandidateScores(*[np.zeros(0)] * 6)
    with pytest.raises(ValueError, match="the split is empty"):
        metrics_by_history(empty)
