"""What smaller embedding tables cost and save: trained weights, real requests."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf

from benchmarks.finished_run import FinishedRun
from benchmarks.timing import paired_medians
from benchmarks.trained_models import load_trained_part
from lifelong.data.keys import RANK_SIGNATURE, RECORDS_SIGNATURE
from lifelong.experiments.metrics import metrics_by_history, overall
from lifelong.experiments.ranking_time import real_request
from lifelong.models.config import ExportConfig, LongTermName
from lifelong.models.ctr_model import CTRModel
from lifelong.models.export import export_model
from lifelong.models.records import record_spec
from lifelong.models.scores import CandidateScores, score_files
from lifelong.serving.server.session import LoadedModel
from tests.signature_runs import run_signature

PARTS: tuple[LongTermName, ...] = ("sim_hard", "eta")
EXPORTS = {
    "float32": ExportConfig(),
    "bfloat16": ExportConfig(table_type="bfloat16"),
    "int8": ExportConfig(table_type="int8"),
}
CANDIDATES, ROUNDS = 200, 200


def measure_tables() -> list[str]:
    """Exports trained models in every way, scores all eval requests and times one request."""
    run = FinishedRun.read(having="Transform")
    lines = []
    for part in PARTS:
        try:
            model, _ = load_trained_part(part)
        except FileNotFoundError as error:
            lines.append(f"tables, {part}: not measured, {error}")
            continue
        model.long_term.bake()
        lines += [f"tables, {part}, {line}" for line in _measure(model, run)]
    return lines


def _measure(model: CTRModel, run: FinishedRun) -> list[str]:
    request = real_request(
        run.raw_files("eval"),
        record_spec(model.spec.features),
        model.spec.model.max_events,
        CANDIDATES,
    )
    lines, calls, scores = [], {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for name, export in EXPORTS.items():
            path = f"{folder}/{name}"
            export_model(model, run.transform_output(), path, export, statistics=run.statistics())
            calls[name] = functools.partial(
                run_signature, LoadedModel(path, version=1), RANK_SIGNATURE, request
            )
            size = f"SavedModel {_megabytes(path):.2f} MB ({_megabytes(path + '/variables'):.2f} MB"
            size += " variables)"
            scores[name] = _score_eval(path, run)
            whole = overall(metrics_by_history(scores[name]))
            difference = np.abs(scores[name].score - scores["float32"].score).max()
            told = (
                f"AUC {whole.auc:.4f} on {whole.requests:,} eval requests, scores differ by at "
                f"most {difference:.2g}"
            )
            lines.append(f"{name}: {size}, {told}")
        seconds = paired_medians(calls, rounds=ROUNDS, warm_up=20)
    for name, value in seconds.items():
        lines.append(
            f"{name}: session call {value * 1e3:.2f} ms for {CANDIDATES} candidates, "
            f"{value / seconds['float32']:.2f} of float32"
        )
    return lines


def _score_eval(path: str, run: FinishedRun) -> CandidateScores:
    loaded = tf.saved_model.load(path)
    score = loaded.signatures[RECORDS_SIGNATURE]
    return score_files(lambda records: score(records=records), run.raw_files("eval"))


def _megabytes(folder: str) -> float:
    return sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file()) / 1e6
