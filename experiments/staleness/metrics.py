"""What an index that lags behind its model costs: how much it still finds, and its scores."""

from __future__ import annotations

import dataclasses

import numpy as np

from lifelong.experiments.metrics import auc_change, auc_of, metrics_by_history, overall
from lifelong.experiments.staleness.scores import SearchScores
from lifelong.experiments.staleness.tables import OWN
from lifelong.experiments.trial import Measured


@dataclasses.dataclass(frozen=True)
class SearchMetrics:
    """How well a model does with one of its searches; None where it is not defined.

    Attributes:
        search: `own`, `old` or `old_events`.
        auc: AUC over all candidates.
        gauc: AUC within each user, weighted by impressions.
        log_loss: Mean log loss of a candidate, in nats.
        auc_change: AUC less that of the own search.
        auc_change_error: Its standard error over the users of the eval split, paired.
        recall: Share of the events of the own search that this one finds too: mean over the
            candidates that have any.
        new_auc: AUC over the candidates whose item the index of the date does not know.
        new_recall: Recall over these.
    """

    search: str
    auc: float | None
    gauc: float | None
    log_loss: float
    auc_change: float | None
    auc_change_error: float | None
    recall: float | None
    new_auc: float | None
    new_recall: float | None


@dataclasses.dataclass(frozen=True)
class StalenessMeasured(Measured):
    """What is measured on the eval split, at one point; `metrics` has all requests alone.

    Attributes:
        searches: A row for each search of the model, `own` first.
        random_recall: The recall of as many random events, expected.
        candidates: Number of candidates.
        without_events: How many of them no recall has, for want of events to search.
        new_candidates: How many have an item that the index of the date does not know.
        events: Events of the long histories of all requests.
        new_events: How many of them have such an item.
    """

    searches: tuple[SearchMetrics, ...] = ()
    random_recall: float | None = None
    candidates: int = 0
    without_events: int = 0
    new_candidates: int = 0
    events: int = 0
    new_events: int = 0

    def search(self, name: str) -> SearchMetrics:
        """Returns the row of a search."""
        (row,) = (row for row in self.searches if row.search == name)
        return row

    def outcome(self) -> str:
        """Says the AUC and the recall of every search."""
        return "; ".join(
            f"{row.search} AUC {_text(row.auc, '.4f')}, recall {_text(row.recall, '.3f')}"
            for row in self.searches
        )


# Figures by model and point.
Measurements = dict[str, dict[int, StalenessMeasured]]


def measure_searches(scored: SearchScores) -> StalenessMeasured:
    """Measures the searches of one model against each other.

    Raises:
        ValueError: If there is no candidate.
    """
    own = scored.scores[OWN]
    has_events = scored.found > 0
    return StalenessMeasured(
        metrics=(overall(metrics_by_history(own)),),
        validation_auc=None,
        ranking_ms=None,
        searches=tuple(_measure(search, scored) for search in scored.scores),
        # Of `events`, as many as were found: each own event is among them as often as any other.
        random_recall=_mean(scored.found[has_events] / scored.events[has_events]),
        candidates=len(own.label),
        without_events=int(np.sum(~has_events)),
        new_candidates=int(np.sum(scored.new)),
        events=scored.all_events,
        new_events=scored.new_events,
    )


def _measure(search: str, scored: SearchScores) -> SearchMetrics:
    own, scores = scored.scores[OWN], scored.scores[search]
    row = overall(metrics_by_history(scores))
    has_events = scored.found > 0
    recall = np.divide(
        scored.kept[search], scored.found, out=np.zeros(len(scored.found)), where=has_events
    )
    change = auc_change(own.label, own.score, scores.score, own.user)
    return SearchMetrics(
        search=search,
        auc=row.auc,
        gauc=row.gauc,
        log_loss=row.log_loss,
        auc_change=change[0] if change else None,
        auc_change_error=change[1] if change else None,
        recall=_mean(recall[has_events]),
        new_auc=auc_of(scores.label[scored.new], scores.score[scored.new]),
        new_recall=_mean(recall[has_events & scored.new]),
    )


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if len(values) else None


def _text(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
