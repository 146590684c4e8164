"""A trial of gradient-boosted trees on hand-made features of the history."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from lifelong.data.keys import (
    CANDIDATE_CATEGORY,
    CANDIDATE_ITEM,
    CANDIDATE_LENGTH,
    HISTORY,
    HISTORY_LENGTH,
    REQUEST_TIMESTAMP,
)
from lifelong.experiments.data import ExperimentData
from lifelong.experiments.item_metrics import metrics_by_item, read_training_items
from lifelong.experiments.metrics import metrics_by_history, overall
from lifelong.experiments.ranking_time import median_ms, real_request
from lifelong.experiments.trial import Measured, Trial
from lifelong.experiments.variant import Variant
from lifelong.models.gbdt.classifier import GbdtConfig, GbdtModel, train_gbdt
from lifelong.models.gbdt.history_features import history_features
from lifelong.models.gbdt.record_rows import Events, Requests
from lifelong.models.records import record_spec

_EVENT_COLUMNS = ("item", "category", "timestamp")


@dataclasses.dataclass(frozen=True)
class GbdtTrial(Trial):
    """Trains the trees, which reads the records raw, and measures them.

    Attributes:
        variant: `gbdt`, with the lengths of the history on which ranking is timed.
        seed: Seed of what is random in the training.
    """

    variant: Variant
    seed: int

    @property
    def config(self) -> GbdtConfig:
        """What is tried on the validation split, with the trial's seed."""
        return dataclasses.replace(self.variant.gbdt, seed=self.seed)

    @property
    def name(self) -> str:
        """The variant's name."""
        return self.variant.name

    def settings(self) -> dict[str, Any]:
        """Returns what is tried, and the window of the records."""
        return {
            "gbdt": dataclasses.asdict(self.config),
            "window": self.variant.model.window,
        }

    def run(self, data: ExperimentData, folder: Path) -> Measured:
        """Trains and measures; an interrupted training begins anew."""
        started = time.monotonic()
        model = train_gbdt(
            data.raw_files("train"),
            data.raw_files("validation"),
            self.config,
        )
        seconds = time.monotonic() - started
        wire = real_request(
            data.raw_files("eval"), record_spec(data.features), self.variant.model.window
        )
        scores = model.score(data.raw_files("eval"))
        return Measured(
            metrics=metrics_by_history(scores),
            by_item=metrics_by_item(scores, read_training_items(data)),
            validation_auc=overall(
                metrics_by_history(model.score(data.raw_files("validation")))
            ).auc,
            ranking_ms=_ranking_ms(model, wire),
            training_seconds=seconds,
        )


def _ranking_ms(model: GbdtModel, wire: Mapping[str, np.ndarray]) -> float:
    """Times features and prediction of a request."""
    events, requests = rows_of_request(wire)

    def rank() -> None:
        features = history_features(requests, events, model.popularity, model.config.features)
        model.classifier.predict_proba(features.values)

    with threadpool_limits(model.config.threads, user_api="openmp"):
        return median_ms(rank)


def rows_of_request(wire: Mapping[str, np.ndarray]) -> tuple[Events, Requests]:
    """Turns one request from wire tensors into the rows that features are computed from.

    Args:
        wire: Wire tensors, B = 1.

    Returns:
        The events of its history, the oldest first, and the request.
    """
    known = int(wire[HISTORY_LENGTH][0])
    candidates = int(wire[CANDIDATE_LENGTH][0])
    # The wire has the newest event first, rows have it last.
    history = {key: wire[f"{HISTORY}{key}"][0, :known][::-1] for key in _EVENT_COLUMNS}
    events = Events(user=np.repeat(wire["user"], known), position=np.arange(known), **history)
    return events, Requests(
        user=wire["user"],
        timestamp=wire[REQUEST_TIMESTAMP],
        history_events=np.array([known]),
        request=np.zeros(candidates, np.int64),
        item=wire[CANDIDATE_ITEM][0],
        category=wire[CANDIDATE_CATEGORY][0],
        label=np.zeros(candidates, np.float32),
    )
