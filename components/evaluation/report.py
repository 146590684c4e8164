"""What an evaluation found, as a table, and whether the model was blessed."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Mapping
from typing import Any

import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import config_pb2

from lifelong.components.evaluation.gauc import GAUC_NAME
from lifelong.components.evaluation.history_buckets import HISTORY_LENGTH, LABELS
from lifelong.components.evaluation.log_loss import CANDIDATES_NAME, LOG_LOSS_NAME

ALL_REQUESTS = "all"


@dataclasses.dataclass(frozen=True)
class Row:
    """Metrics of one model on one slice; a metric that is not defined there is NaN.

    Attributes:
        history: Bucket of history length, or `all`.
        auc: AUC over all candidates.
        gauc: AUC within each user, weighted by impressions.
        log_loss: Mean log loss of a candidate, in nats.
        calibration: Sum of the scores over the number of positives; 1 is best.
        requests: Number of requests.
        candidates: Number of candidates.
        users: Number of users that count in GAUC.
        users_left_out: Number of users that do not, since all their labels are equal.
    """

    history: str
    auc: float
    gauc: float
    log_loss: float
    calibration: float
    requests: int
    candidates: int
    users: int
    users_left_out: int


@dataclasses.dataclass(frozen=True)
class Report:
    """The outcome of one evaluation.

    Attributes:
        rows: The model's metrics: all requests first, then by history length.
        baseline: The baseline's metrics on the same requests; empty if there was none.
        blessed: Whether all thresholds were met; None if there were none to check.
        failures: The thresholds that were not met, one sentence each.
    """

    rows: tuple[Row, ...]
    baseline: tuple[Row, ...]
    blessed: bool | None
    failures: tuple[str, ...]


def read_report(evaluation_dir: str | os.PathLike[str]) -> Report:
    """Reads the output folder of the Evaluator (its `evaluation` artifact).

    Args:
        evaluation_dir: The folder.

    Returns:
        Metrics and verdict.

    Raises:
        FileNotFoundError: If the folder holds no evaluation.
    """
    path = os.fspath(evaluation_dir)
    config = tfma.load_eval_result(path).config
    if config is None:
        raise FileNotFoundError(
            f"{path} holds no evaluation (no eval_config.json); give the folder of the Evaluator's "
            "`evaluation` output"
        )
    names = {spec.is_baseline: spec.name for spec in config.model_specs}
    blessed, failures = _verdict(path, config)
    return Report(
        rows=_rows(path, names[False]),
        baseline=_rows(path, names[True]) if True in names else (),
        blessed=blessed,
        failures=failures,
    )


def format_report(report: Report, markdown: bool = False) -> str:
    """Writes the table and the verdict.

    Args:
        report: The evaluation.
        markdown: Whether the table is Markdown; else it is aligned plain text for a terminal.

    Returns:
        Several lines, without a final line break.
    """
    lines = [format_table(report, markdown), ""]
    if report.blessed is None:
        lines.append("No thresholds were set: the model was not checked.")
    elif report.blessed:
        lines.append("Blessed: all thresholds were met.")
    else:
        lines.append("Not blessed:")
        lines.extend(f"- {failure}" for failure in report.failures)
    return "\n".join(lines)


def format_table(report: Report, markdown: bool = False) -> str:
    """Writes the metrics as a table, with a column for the change of AUC if there is a baseline.

    Args:
        report: The evaluation.
        markdown: Whether the table is Markdown; else it is aligned plain text for a terminal.

    Returns:
        One line per slice after the heading, without a final line break.
    """
    baseline_auc = {row.history: row.auc for row in report.baseline}
    table = [["history", "AUC", "GAUC", "log loss", "calibration", "requests", "candidates"]]
    for row in report.rows:
        ratios = (row.auc, row.gauc, row.log_loss, row.calibration)
        counts = (row.requests, row.candidates)
        table.append([row.history, *(f"{x:.4f}" for x in ratios), *(f"{n:,}" for n in counts)])
    if report.baseline:
        table[0].append("AUC - baseline")
        for cells, row in zip(table[1:], report.rows, strict=True):
            cells.append(f"{row.auc - baseline_auc.get(row.history, math.nan):+.4f}")

    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = [[cells[0].ljust(widths[0]), *map(str.rjust, cells[1:], widths[1:])] for cells in table]
    if not markdown:
        return "\n".join("  ".join(cells).rstrip() for cells in lines)
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (lines[0], rule, *lines[1:]))


def _rows(path: str, model_name: str) -> tuple[Row, ...]:
    """Reads one model's metrics, buckets in their natural order and empty ones left out."""
    slices = tfma.load_eval_result(path, model_name=model_name).get_metrics_for_all_slices()
    wanted = {ALL_REQUESTS: ()} | {label: ((HISTORY_LENGTH, label),) for label in LABELS}
    return tuple(_row(history, slices[key]) for history, key in wanted.items() if key in slices)


def _row(history: str, metrics: Mapping[str, Mapping[str, Any]]) -> Row:
    def value(name: str) -> float:
        # NaN comes as text, and a metric that the configuration lacks not at all.
        return float(metrics.get(name, {}).get("doubleValue", math.nan))

    def count(name: str) -> int:
        return int(metrics.get(name, {}).get("doubleValue", 0))

    return Row(
        history=history,
        auc=value("auc"),
        gauc=value(GAUC_NAME),
        log_loss=value(LOG_LOSS_NAME),
        calibration=value("calibration"),
        requests=count("example_count"),
        candidates=count(CANDIDATES_NAME),
        users=count(f"{GAUC_NAME}_users"),
        users_left_out=count(f"{GAUC_NAME}_users_left_out"),
    )


def _verdict(path: str, config: config_pb2.EvalConfig) -> tuple[bool | None, tuple[str, ...]]:
    """Reads whether the thresholds were met, and says in words which were not."""
    if not tfma.metrics.metric_thresholds_from_metrics_specs(
        config.metrics_specs, eval_config=config
    ):
        return None, ()
    result = tfma.load_validation_result(path)
    failures = [
        _failure_in_words(failure, _slice_in_words(validation.slice_key))
        for validation in result.metric_validations_per_slice
        for failure in validation.failures
    ]
    failures += [
        f"a threshold is set for the slice {_spec_in_words(spec)}, which has no requests"
        for spec in result.missing_slices
    ]
    return result.validation_ok, tuple(failures)


def _slice_in_words(slice_key: Any) -> str:
    parts = [f"{part.column} {part.bytes_value.decode()}" for part in slice_key.single_slice_keys]
    return " and ".join(parts) or "all requests"


def _spec_in_words(spec: config_pb2.SlicingSpec) -> str:
    parts = [*spec.feature_keys, *(f"{key} {value}" for key, value in spec.feature_values.items())]
    return " and ".join(parts) or "all requests"


def _failure_in_words(failure: Any, where: str) -> str:
    name, threshold = failure.metric_key.name, failure.metric_threshold
    if not failure.HasField("metric_value"):
        return f"{name} ({where}) was not computed, though a threshold is set for it"
    value = failure.metric_value.double_value.value
    if threshold.HasField("change_threshold"):
        bound = threshold.change_threshold
        higher = bound.direction == config_pb2.MetricDirection.HIGHER_IS_BETTER
        limits = [
            f"{getattr(bound, field).value:+g}{unit}"
            for field, unit in (("absolute", ""), ("relative", " of the baseline's"))
            if bound.HasField(field)
        ]
        limit = f"at {'least' if higher else 'most'} {' and '.join(limits)}"
        return (
            f"{name} ({where}) differs by {value:+.4f} from the baseline's, must differ by {limit}"
        )
    bound = threshold.value_threshold
    limits = [
        f"at {word} {getattr(bound, field).value:g}"
        for field, word in (("lower_bound", "least"), ("upper_bound", "most"))
        if bound.HasField(field)
    ]
    return f"{name} ({where}) is {value:.4f}, must be {' and '.join(limits)}"
