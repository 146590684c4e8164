"""Scores of a network as the server would give them, and how long it takes to rank."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf

from lifelong.experiments.data import ExperimentData
from lifelong.experiments.item_metrics import metrics_by_item, read_training_items
from lifelong.experiments.metrics import metrics_by_history, overall
from lifelong.experiments.ranking_time import median_ms, real_request
from lifelong.experiments.score_file import write_scores
from lifelong.experiments.trial import Measured
from lifelong.models.ctr_model import CTRModel
from lifelong.models.records import record_spec
from lifelong.models.scores import score_files
from lifelong.models.wire import wire_spec


def measure_network(model: CTRModel, data: ExperimentData, folder: Path) -> Measured:
    """Bakes a trained model and measures it on the path that serves: raw ids in, scores out.

    Args:
        model: A trained model; from here on it looks its signatures up.
        data: The records.
        folder: Where its scores of the eval split are kept, see `write_scores`.

    Returns:
        Metrics on eval, AUC on validation and the time of ranking.
    """
    model.long_term.bake()
    signatures = data.signatures(model)
    score = tf.function(signatures.score_records).get_concrete_function(
        tf.TensorSpec([None], tf.string)
    )
    spec = model.spec
    request = real_request(
        data.raw_files("eval"), record_spec(spec.features), spec.model.max_events
    )
    wire = {key: tf.constant(request[key]) for key in wire_spec(spec.features)}
    rank = tf.function(signatures.rank).get_concrete_function(**wire_spec(spec.features))
    scores = score_files(score, data.raw_files("eval"))
    write_scores(scores, folder)
    return Measured(
        metrics=metrics_by_history(scores),
        by_item=metrics_by_item(scores, read_training_items(data)),
        validation_auc=overall(
            metrics_by_history(score_files(score, data.raw_files("validation")))
        ).auc,
        ranking_ms=median_ms(lambda: rank(**wire)["scores"].numpy()),
    )
