"""AUC per user, averaged with the users' impressions as weights, on flat arrays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class GroupedAuc(NamedTuple):
    """Result of `grouped_auc`.

    Attributes:
        auc: The weighted mean; NaN if no user has both labels.
        users: Number of users that have both labels and therefore count.
        users_left_out: Number of users with one label value only, who have no AUC.
    """

    auc: float
    users: int
    users_left_out: int


def grouped_auc(users: np.ndarray, labels: np.ndarray, scores: np.ndarray) -> GroupedAuc:
    """Computes GAUC, the AUC within each user weighted by the user's impressions.

    A user's AUC is the share of (positive, negative) pairs in the right order; a tie counts half.
    It comes from the positives' mean ranks (Mann-Whitney U), so that one sort serves all users.

    Args:
        users: `[C]` user of each impression, in any order.
        labels: `[C]` 1 or true where it was clicked, else 0.
        scores: `[C]` predicted scores; only their order within a user matters.

    Returns:
        The weighted mean over the users that have both labels, and how many do and do not.

    References:
        Zhou et al., "Deep Interest Network for Click-Through Rate Prediction",
        arXiv 1706.06978, section 5.3.
    """
    if not len(users):
        return GroupedAuc(float("nan"), 0, 0)
    order = np.lexsort((scores, users))
    users, scores, positive = users[order], scores[order], np.asarray(labels)[order] > 0

    new_user = np.r_[True, users[1:] != users[:-1]]
    new_tie = new_user | np.r_[True, scores[1:] != scores[:-1]]
    user_start, tie_start = np.flatnonzero(new_user), np.flatnonzero(new_tie)
    user_of, tie_of = np.cumsum(new_user) - 1, np.cumsum(new_tie) - 1
    impressions = np.diff(user_start, append=len(users))
    tie_size = np.diff(tie_start, append=len(users))

    # Ranks count from 1 within the user; all members of a tie get the tie's mean rank.
    first_rank = tie_start - user_start[user_of[tie_start]] + 1
    mean_rank = first_rank + (tie_size - 1) / 2
    rank_sum = np.bincount(user_of, weights=mean_rank[tie_of] * positive)
    positives = np.bincount(user_of, weights=positive)
    pairs = positives * (impressions - positives)
    counts = pairs > 0
    left_out = int(np.sum(~counts))
    if not counts.any():
        return GroupedAuc(float("nan"), 0, left_out)
    u_statistic = rank_sum - positives * (positives + 1) / 2
    auc = np.average(u_statistic[counts] / pairs[counts], weights=impressions[counts])
    return GroupedAuc(float(auc), int(counts.sum()), left_out)
