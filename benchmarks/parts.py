"""What each part of the model costs in a session call of a real request with a full history."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.finished_run import FinishedRun
from benchmarks.ranking import CANDIDATES, session_call
from benchmarks.timing import paired_times
from lifelong.experiments.ranking_time import real_request
from lifelong.models.config import ModelConfig
from lifelong.models.ctr_model import CTRModel
from lifelong.models.export import export_model
from lifelong.models.records import record_spec
from lifelong.models.trained import build
from lifelong.serving.server.session import LoadedModel

# Fields of the architecture that differ from the last run's.
VARIANTS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "evidence of the last 1,000 events": {"evidence_length": 1_000},
    "no evidence": {"evidence_length": 0},
    "no statistics": {"statistics": False},
    "no short part": {"short_length": 0},
    "the short part by DIN": {"short_term": "target_attention"},
    "48 events found": {"searched_events": 48},
    "SIM with DIN alone": {
        "evidence_length": 0,
        "statistics": False,
        "short_term": "target_attention",
        "searched_events": 48,
    },
}
_ROUNDS, _WARM_UP = 300, 20


def measure_parts() -> list[str]:
    """Times variants of the last run's model in turn; their weights, which cost the same, are new."""
    run = FinishedRun.read()
    request = real_request(
        run.raw_files("eval"), record_spec(run.spec.features), run.spec.model.max_events, CANDIDATES
    )
    with tempfile.TemporaryDirectory() as folder:
        actions = {}
        for number, (name, changes) in enumerate(VARIANTS.items()):
            config = dataclasses.replace(run.spec.model, **changes)
            path = str(Path(folder) / str(number) / "1")
            actions[name] = session_call(export_fresh(run, config, path), request)
        seconds = paired_times(actions, _ROUNDS, _WARM_UP)
    config = run.spec.model
    first = np.median(seconds["as it is"])
    lines = [
        f"parts of {config.long_term}, {CANDIDATES} candidates, a window of {config.window:,} events, "
        f"a history of {request['history_length'][0]:,}"
    ]
    for name, values in seconds.items():
        p50, p99 = np.percentile(values, (50, 99)) * 1e3
        lines.append(
            f"parts, {name}: p50 {p50:.2f} ms, p99 {p99:.2f} ms, {p50 / 1e3 / first:.2f} of the first"
        )
    return lines


def export_fresh(run: FinishedRun, config: ModelConfig, path: str) -> LoadedModel:
    """Bakes and exports a new model of an architecture, and loads it as the server does.

    Args:
        run: Whose vocabularies and statistics the model has.
        config: The architecture.
        path: Folder to write.
    """
    model = CTRModel(dataclasses.replace(run.spec, model=config))
    build(model)
    model.long_term.bake()
    export_model(model, run.transform_output(), path, statistics=run.statistics())
    return LoadedModel(path, version=1)
