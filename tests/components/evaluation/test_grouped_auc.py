import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from lifelong.components.evaluation.grouped_auc import grouped_auc

impressions = st.lists(
    # Few values, so that ties and one-label users are common.
    st.tuples(
        st.sampled_from([0, 1, 2, 2**62]), st.integers(0, 1), st.sampled_from([0.1, 0.5, 0.5000001])
    ),
    max_size=40,
)


def test_by_hand():
    # User 7: pairs (0.9 > 0.1), (0.4 > 0.1), (0.9 > 0.4: tie for the other positive) -> 3.5 of 4.
    users = [7, 7, 7, 7, 3, 3, 5]
    labels = [1, 0, 1, 0, 0, 1, 1]
    scores = [0.9, 0.1, 0.4, 0.4, 0.8, 0.2, 0.5]
    result = grouped_auc(np.array(users), np.array(labels), np.array(scores))
    # User 3 has AUC 0 on 2 impressions, user 5 no negatives.
    assert result.auc == pytest.approx((4 * 3.5 / 4 + 2 * 0.0) / 6)
    assert (result.users, result.users_left_out) == (2, 1)


@settings(max_examples=200, deadline=None)
@given(impressions)
def test_equals_scikit_learn_per_user(rows):
    users, labels, scores = (np.array([row[i] for row in rows]) for i in range(3))
    result = grouped_auc(users, labels, scores)
    aucs, weights, left_out = [], [], 0
    for user in set(users.tolist()):
        mine = users == user
        if len(set(labels[mine].tolist())) < 2:
            left_out += 1
            continue
        aucs.append(roc_auc_score(labels[mine], scores[mine]))
        weights.append(mine.sum())
    assert (result.users, result.users_left_out) == (len(aucs), left_out)
    if aucs:
        assert result.auc == pytest.approx(np.average(aucs, weights=weights), abs=1e-12)
    else:
        assert math.isnan(result.auc)
