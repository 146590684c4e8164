"""Exact metrics of scored candidates, over all requests and by history length."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable

import numpy as np
from scipy.stats import rankdata
from sklearn.metrics import log_loss, roc_auc_score

from lifelong.components.evaluation.grouped_auc import grouped_auc
from lifelong.components.evaluation.history_buckets import LABELS, bucket_labels
from lifelong.models.scores import CandidateScores

ALL = "all"
# The Evaluator clips alike.
_EPSILON = 1e-7


@dataclasses.dataclass(frozen=True)
class Metrics:
    """How well the candidates of some requests were scored; None where it is not defined.

    Attributes:
        history: Bucket of history length, or `all`.
        auc: AUC over all candidates.
        gauc: AUC within each user, weighted by impressions.
        log_loss: Mean log loss of a candidate, in nats.
        requests: Number of requests.
        candidates: Number of candidates.
    """

    history: str
    auc: float | None
    gauc: float | None
    log_loss: float
    requests: int
    candidates: int


def metrics_by_history(scores: CandidateScores) -> tuple[Metrics, ...]:
    """Computes the metrics of all requests, then of each bucket of history length that has any.

    Raises:
        ValueError: If there is no candidate.
    """
    if not len(scores.score):
        raise ValueError("no candidate was scored: the split is empty")
    bucket = bucket_labels(scores.history_events)
    everything = np.ones(len(bucket), bool)
    parts = {ALL: everything} | {label: bucket == label for label in LABELS}
    return tuple(_metrics(name, scores, part) for name, part in parts.items() if part.any())


def overall(rows: Iterable[Metrics]) -> Metrics:
    """Returns the row of all requests."""
    (row,) = (row for row in rows if row.history == ALL)
    return row


def auc_of(label: np.ndarray, score: np.ndarray) -> float | None:
    """Returns the exact AUC of candidates `[C]`; None if their labels are all equal."""
    return float(roc_auc_score(label, score)) if len(np.unique(label)) > 1 else None


def auc_change(
    label: np.ndarray, before: np.ndarray, after: np.ndarray, user: np.ndarray
) -> tuple[float, float] | None:
    """Computes how an AUC changes between two scorings of the same candidates, and its error.

    The error is DeLong's with the candidates of a user taken together, as they are not independent.

    Args:
        label: `[C]`, 1 or 0.
        before: `[C]` scores.
        after: `[C]` scores.
        user: `[C]`, whose candidates they are.

    Returns:
        Change and standard error, None if all labels are equal or there is but one user.

    References:
        - Obuchowski, Nonparametric Analysis of Clustered ROC Curve Data, Biometrics 53 (1997)
    """
    clicked = label > 0
    users, number = np.unique(user, return_inverse=True)
    if clicked.all() or not clicked.any() or len(users) < 2:
        return None
    # [C], how many of the other label each candidate is ordered right with, of all.
    moved = _placements(clicked, after) - _placements(clicked, before)
    change = moved[clicked].mean()
    counts = np.where(clicked, clicked.sum(), (~clicked).sum())
    of_user = np.bincount(number, weights=(moved - change) / counts)
    variance = len(users) / (len(users) - 1) * np.sum(of_user**2)
    return float(change), math.sqrt(variance)


def _placements(clicked: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Returns the share of candidates of the other label that each one is ordered right with."""
    rank = rankdata(score)
    share = np.empty(len(score))
    for part in (clicked, ~clicked):
        share[part] = (rank[part] - rankdata(score[part])) / np.sum(~part)
    # A clicked candidate should lie above the others, any other one below the clicked.
    return np.where(clicked, share, 1 - share)


def _metrics(history: str, scores: CandidateScores, part: np.ndarray) -> Metrics:
    label, score, user = scores.label[part], scores.score[part], scores.user[part]
    gauc = grouped_auc(user, label, score).auc
    clipped = np.clip(score, _EPSILON, 1 - _EPSILON)
    return Metrics(
        history=history,
        auc=auc_of(label, score),
        gauc=None if math.isnan(gauc) else gauc,
        log_loss=float(log_loss(label, clipped, labels=[0, 1])),
        requests=len(np.unique(scores.request[part])),
        candidates=len(label),
    )
