"""A trial of gradient-boosted trees on the numbers that the networks read."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Any

import tensorflow as tf

from lifelong.data.features import features_of
from lifelong.experiments.data import ExperimentData
from lifelong.experiments.item_metrics import metrics_by_item, read_training_items
from lifelong.experiments.metrics import metrics_by_history, overall
from lifelong.experiments.ranking_time import median_ms, real_request
from lifelong.experiments.score_file import write_scores
from lifelong.experiments.trial import Measured, Trial
from lifelong.experiments.variant import Variant
from lifelong.models.config import ModelConfig
from lifelong.models.evidence import count_evidence, events_of_requests
from lifelong.models.gbdt.classifier import GbdtConfig, GbdtModel, train_gbdt
from lifelong.models.gbdt.event_means import EventMeans
from lifelong.models.gbdt.features import FeatureReader
from lifelong.models.records import record_spec
from lifelong.models.vocabulary_files import transforms_vocabulary


@dataclasses.dataclass(frozen=True)
class GbdtTrial(Trial):
    """Trains the trees, which reads the records raw, and measures them.

    Attributes:
        variant: `gbdt`, with the evidence and the statistics that trees are told.
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
        """Returns what is tried, and what of the architecture decides what trees read."""
        return {
            "gbdt": dataclasses.asdict(self.config),
            "evidence_length": self.variant.model.evidence_length,
            "statistics": self.variant.model.statistics,
            "window": self.variant.model.window,
            "short_length": self.variant.model.short_length,
        }

    def run(self, data: ExperimentData, folder: Path) -> Measured:
        """Trains and measures; an interrupted training begins anew."""
        started = time.monotonic()
        reader = feature_reader(self.variant.model, data)
        model = train_gbdt(
            data.raw_files("train"), data.raw_files("validation"), reader, self.config
        )
        seconds = time.monotonic() - started
        scores = model.score(data.raw_files("eval"))
        write_scores(scores, folder)
        return Measured(
            metrics=metrics_by_history(scores),
            by_item=metrics_by_item(scores, read_training_items(data)),
            validation_auc=overall(
                metrics_by_history(model.score(data.raw_files("validation")))
            ).auc,
            ranking_ms=self._ranking_ms(model, data),
            training_seconds=seconds,
        )

    def _ranking_ms(self, model: GbdtModel, data: ExperimentData) -> float:
        """Times counting, features and prediction of a request."""
        config = self.variant.model
        request = real_request(
            data.raw_files("eval"),
            record_spec(data.features),
            config.max_events,
            statistics=config.statistics,
        )
        wire = {key: tf.constant(value) for key, value in request.items()}

        @tf.function(autograph=False)
        def counted() -> dict[str, tf.Tensor]:
            if not config.evidence_length:
                return wire
            return wire | count_evidence(wire, events_of_requests(wire, config.evidence_length))

        return median_ms(lambda: model.score_batch(counted()))


def feature_reader(
    config: ModelConfig, data: ExperimentData, most_requests: int | None = None
) -> FeatureReader:
    """Returns what reads for trees what a network of an architecture is told.

    Args:
        config: The architecture.
        data: The records.
        most_requests: See `FeatureReader`.
    """
    values = {
        feature.key: transforms_vocabulary(data.transform_output(), feature.key).ids
        for feature in features_of(data.features, "event")
        if feature.is_categorical
    }
    return FeatureReader(
        config.evidence_length,
        config.statistics,
        data.features,
        data.item_features,
        data.item_table,
        EventMeans(data.features, values, config.window, config.short_length),
        most_requests,
    )
