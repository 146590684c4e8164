"""A baseline for the model: gradient-boosted trees on numbers taken from the same records."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lifelong.components.evaluation.history_buckets import bucket_labels
from lifelong.components.evaluation.report import ALL_REQUESTS, Row
from lifelong.data.extras import explained
from lifelong.data.whole_file import write_atomically
from lifelong.models.scores import CandidateScores
from lifelong.report.reported_run import ReportedRun

# One setting, whatever the data: the baseline is a yardstick, and nothing is chosen on the eval split.
_SETTING: dict[str, Any] = {
    "item_ids": (False,),
    "learning_rate": (0.15,),
    "num_leaves": (31,),
    "min_data_in_leaf": (100,),
    "lambda_l2": (10.0,),
    "feature_fraction": (0.5,),
    "max_iterations": 120,
    "patience": 10,
}
# Requests of a split that are read, at most.
MOST_REQUESTS = 50_000
# Of the measurements that are kept; another one makes them anew.
_VERSION = 1


class Trees(NamedTuple):
    """What the trees have shown.

    Attributes:
        rows: Their metrics on the eval split: all requests first, then by history length.
        iterations: Trees; validation chose how many.
        training_requests: Requests that they were trained on.
        seconds: Time of reading, training and scoring.
    """

    rows: tuple[Row, ...]
    iterations: int
    training_requests: int
    seconds: float


def measure_trees(run: ReportedRun) -> Trees:
    """Trains trees on the training split and scores the eval split, unless that is known.

    What was measured is kept with the working folder's reports: an unchanged log costs nothing.

    Args:
        run: The run whose records they read.

    Raises:
        ImportError: LightGBM, or another library of the extra `experiments`, is not installed or
            cannot be loaded; the error says what to do.
        ValueError: The candidates of a split have one label only.
    """
    file = run.kept / f"trees-{_fingerprint(run)}.json"
    if file.exists():
        kept = json.loads(file.read_text())
        rows = tuple(Row(**{k: _of_json(v) for k, v in row.items()}) for row in kept.pop("rows"))
        return Trees(rows=rows, **kept)
    measured = _measure(run)
    file.parent.mkdir(parents=True, exist_ok=True)
    noted = [{k: _to_json(v) for k, v in dataclasses.asdict(r).items()} for r in measured.rows]
    write_atomically(file, json.dumps({**measured._asdict(), "rows": noted}, allow_nan=False))
    return measured


def _measure(run: ReportedRun) -> Trees:
    try:
        from lifelong.experiments.data import ExperimentData
        from lifelong.experiments.gbdt_trial import feature_reader
        from lifelong.models.gbdt.classifier import GbdtConfig, train_gbdt
    except ModuleNotFoundError as error:
        raise explained(error, "the baseline of trees") from error
    started = time.monotonic()
    data = ExperimentData.of(run.config.data, run.outcome.record.outputs)
    reader = feature_reader(run.config.model, data, MOST_REQUESTS)
    model = train_gbdt(
        data.raw_files("train"),
        data.raw_files("validation"),
        reader,
        GbdtConfig(**_SETTING, seed=run.config.training.seed),
    )
    rows = tuple(_rows(model.score(data.raw_files("eval")), run))
    return Trees(
        rows, model.trials[0].iterations, model.training_requests, time.monotonic() - started
    )


def _rows(scores: CandidateScores, run: ReportedRun) -> Iterator[Row]:
    from lifelong.experiments.metrics import metrics_by_history

    bucket = bucket_labels(scores.history_events)
    # Trees know nothing of sampled negatives: their probabilities are those of the records.
    comparable = run.config.export.negative_sampling_rate == 1
    for found in metrics_by_history(scores):
        part = (
            np.full(len(bucket), True) if found.history == ALL_REQUESTS else bucket == found.history
        )
        positives = scores.label[part].sum()
        calibrated = comparable and positives
        yield Row(
            history=found.history,
            auc=math.nan if found.auc is None else found.auc,
            gauc=math.nan if found.gauc is None else found.gauc,
            log_loss=found.log_loss if comparable else math.nan,
            calibration=float(scores.score[part].sum() / positives) if calibrated else math.nan,
            requests=found.requests,
            candidates=found.candidates,
            users=0,
            users_left_out=0,
        )


def _fingerprint(run: ReportedRun) -> str:
    """Returns what differs where the trees would be others: records, what is read, the setting."""
    model = run.config.model
    decisive = {
        "version": _VERSION,
        "setting": _SETTING,
        "seed": run.config.training.seed,
        "most_requests": MOST_REQUESTS,
        "examples": run.uri("BehaviorExampleGen", "examples"),
        "made": _made(run),
        "read": [model.evidence_length, model.statistics, model.window, model.short_length],
        "negative_sampling_rate": run.config.export.negative_sampling_rate,
    }
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:16]


def _made(run: ReportedRun) -> list[list[Any]]:
    """Returns names, sizes and times of the record files: another folder may get the same name."""
    import tensorflow as tf

    files = (path for split in ("train", "validation", "eval") for path in run.records(split))
    found = sorted(path for pattern in files for path in tf.io.gfile.glob(pattern))
    told = [(Path(path).name, tf.io.gfile.stat(path)) for path in found]
    return [[name, stat.length, stat.mtime_nsec] for name, stat in told]


def _to_json(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value


def _of_json(value: Any) -> Any:
    return math.nan if value is None else value
