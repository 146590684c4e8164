import math

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from lifelong.components.evaluation import log_loss
from lifelong.experiments.metrics import auc_change, metrics_by_history
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


def test_the_error_of_a_change_is_that_of_leaving_users_out():
    rng = np.random.default_rng(0)
    user = np.repeat(np.arange(60), 12)
    label = (rng.random(user.size) < 0.3).astype(float)
    # Ties in both.
    before = np.round(label + rng.normal(0, 1, user.size), 1)
    after = np.round(0.5 * label + rng.normal(0, 1, user.size) + 0.1 * user % 2, 1)
    change, error = auc_change(label, before, after, user)

    def difference(part):
        return roc_auc_score(label[part], after[part]) - roc_auc_score(label[part], before[part])

    assert change == pytest.approx(difference(user >= 0), abs=1e-12)
    left_out = np.array([difference(user != one) for one in range(60)])
    jackknife = np.sqrt(59 / 60 * np.sum((left_out - left_out.mean()) ** 2))
    assert error == pytest.approx(jackknife, rel=0.05)
    # Candidates of a user that come twice are no more evidence.
    twice = auc_change(*(np.tile(values, 2) for values in (label, before, after, user)))
    assert twice == pytest.approx((change, error))


@pytest.mark.parametrize(("labels", "users"), [((1, 1), (1, 2)), ((1, 0), (1, 1))])
def test_a_change_without_two_labels_and_two_users_is_none(labels, users):
    score = np.array([0.1, 0.2])
    assert auc_change(np.array(labels), score, score, np.array(users)) is None
