"""Means and standard deviations over the seeds of each model."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Iterable, Sequence

from lifelong.components.evaluation.history_buckets import LABELS
from lifelong.experiments.item_metrics import ITEM_GROUPS
from lifelong.experiments.metrics import ALL
from lifelong.experiments.trial import Measured, TrialResult

# Figures of `Metrics`, `ItemMetrics` and `Measured` that are averaged.
OF_HISTORY = ("auc", "gauc", "log_loss", "requests", "candidates")
OF_ITEM = ("auc", "candidates", "clicked")
OF_MODEL = (
    "validation_auc",
    "parameters",
    "epochs",
    "best_epoch",
    "training_requests_per_s",
    "training_seconds",
    "ranking_ms",
)


@dataclasses.dataclass(frozen=True)
class Stat:
    """A figure over the seeds.

    Attributes:
        mean: The mean; None if no seed has the figure.
        sd: Sample standard deviation; None if fewer than two seeds have it.
    """

    mean: float | None
    sd: float | None

    @classmethod
    def of(cls, values: Iterable[float | None]) -> Stat:
        """Returns the figure over seeds, of which some may lack it."""
        known = [value for value in values if value is not None]
        return cls(
            mean=statistics.mean(known) if known else None,
            sd=statistics.stdev(known) if len(known) > 1 else None,
        )


@dataclasses.dataclass(frozen=True)
class ModelSummary:
    """What is known of one model.

    Attributes:
        name: The model.
        seeds: Seeds of its finished trials.
        figures: By name, those of `OF_MODEL`.
        by_history: By bucket of history length, `all` first, and name, those of `OF_HISTORY`.
        by_item: By group of candidates (`ITEM_GROUPS`) and name, those of `OF_ITEM`.
    """

    name: str
    seeds: tuple[int, ...]
    figures: dict[str, Stat]
    by_history: dict[str, dict[str, Stat]]
    by_item: dict[str, dict[str, Stat]]

    @property
    def overall(self) -> dict[str, Stat]:
        """The figures over all requests."""
        return self.by_history[ALL]


def summarize(results: Sequence[TrialResult]) -> list[ModelSummary]:
    """Summarises the results by model, in the order in which the models first appear."""
    by_model: dict[str, list[TrialResult]] = {}
    for result in results:
        by_model.setdefault(result.name, []).append(result)
    return [_summarize(name, of_model) for name, of_model in by_model.items()]


def _summarize(name: str, results: list[TrialResult]) -> ModelSummary:
    measured = [result.measured for result in results]
    return ModelSummary(
        name=name,
        seeds=tuple(result.seed for result in results),
        figures={key: Stat.of(getattr(m, key) for m in measured) for key in OF_MODEL},
        by_history={
            history: {
                key: Stat.of(getattr(row, key) for m in measured for row in _rows(m, history))
                for key in OF_HISTORY
            }
            for history in (ALL, *LABELS)
            if any(_rows(m, history) for m in measured)
        },
        by_item={
            group: {
                key: Stat.of(
                    getattr(row, key) for m in measured for row in m.by_item if row.items == group
                )
                for key in OF_ITEM
            }
            for group in ITEM_GROUPS
        },
    )


def _rows(measured: Measured, history: str) -> list:
    return [row for row in measured.metrics if row.history == history]
