"""Ranking one real request x 200 candidates x L = 1,024, with and without baked signatures."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.finished_run import FinishedRun
from benchmarks.timing import paired_medians
from benchmarks.trained_models import load_with_lengths
from lifelong.data.keys import RANK_SIGNATURE
from lifelong.experiments.ranking_time import real_request
from lifelong.models.export import export_model
from lifelong.models.records import record_spec
from lifelong.serving.server.session import LoadedModel

CANDIDATES, LONG_LENGTH = 200, 1_024


def measure_ranking() -> list[str]:
    """Times the session calls that answer a Predict, on real weights and history."""
    run = FinishedRun.read(having="Transform")
    try:
        model = load_with_lengths("eta", long_length=LONG_LENGTH)
    except FileNotFoundError as error:
        return [f"ranking: not measured, {error}"]
    with tempfile.TemporaryDirectory() as folder:
        loaded = {}
        for name in ("unbaked", "baked"):
            if name == "baked":
                model.long_term.bake()
            path = str(Path(folder) / name / "1")
            export_model(model, run.transform_output(), path, statistics=run.statistics())
            loaded[name] = LoadedModel(path, version=1)
        request = real_request(
            run.raw_files("eval"),
            record_spec(model.spec.features),
            model.spec.model.max_events,
            CANDIDATES,
        )
        actions = {
            f"session call, {name}": session_call(model, request) for name, model in loaded.items()
        }
        seconds = paired_medians(actions, rounds=200, warm_up=20)
    lines = [
        f"ranking, {name}: {value * 1e3:.2f} ms for {CANDIDATES} candidates, L = {LONG_LENGTH:,}"
        for name, value in seconds.items()
    ]
    unbaked, baked = seconds.values()
    return [*lines, f"ranking, unbaked / baked: {unbaked / baked:.2f}"]


def session_call(model: LoadedModel, request: dict[str, np.ndarray]) -> functools.partial:
    """Returns the call that scores a request, fed with those of its tensors that the model takes."""
    signature = model.tensors(RANK_SIGNATURE)
    feeds = {signature.inputs[key]: request[key] for key in signature.inputs}
    return functools.partial(model.run, feeds, [signature.outputs["scores"]])
