"""The online path: a user and candidates in, ranked items out, through store and model server."""

from __future__ import annotations

import collections
import dataclasses
import tempfile
import time
from collections.abc import Callable

import numpy as np

from benchmarks.finished_run import FinishedRun
from benchmarks.store_parity import as_rank_request, eval_requests, search
from benchmarks.stores import both_stores
from benchmarks.trained_models import load_trained_part
from lifelong.data.keys import (
    CANDIDATE,
    CANDIDATE_CATEGORY,
    HISTORY,
    HISTORY_LENGTH,
    RANK_SIGNATURE,
)
from lifelong.experiments.ranking_time import real_request
from lifelong.models.export import export_model
from lifelong.models.records import record_spec
from lifelong.serving.client import PredictionClient
from lifelong.serving.ranker import Ranker
from lifelong.serving.request import Request
from lifelong.serving.server.server import ModelServer
from lifelong.serving.server.session import LoadedModel
from tests.signature_runs import run_signature

CANDIDATES, REQUESTS, WARM_UP = 200, 500, 50


def measure_online() -> list[str]:
    """Times rankings of 200 candidates for real users with SIM hard, and their parts."""
    run = FinishedRun.read(having="BehaviorTreeBuilder")
    model, _ = load_trained_part("sim_hard")
    config = model.spec.model
    offered = real_request(
        run.raw_files("eval"), record_spec(model.spec.features), config.max_events, CANDIDATES
    )
    candidates = {key: value for key, value in offered.items() if key.startswith(CANDIDATE)}
    requests = [
        request | candidates for request in eval_requests(run, model.spec, WARM_UP + REQUESTS)
    ]
    categories = len(np.unique(candidates[CANDIDATE_CATEGORY]))
    lines = [f"online: {CANDIDATES} candidates of {categories} categories, {REQUESTS} real users"]
    with (
        tempfile.TemporaryDirectory() as folder,
        both_stores(run.outputs["BehaviorTreeBuilder", "behavior_tree"]) as stores,
    ):
        # A model that was trained on these data before there were contracts tells none.
        manifest = next(iter(stores.values())).manifest
        model.spec = dataclasses.replace(model.spec, data_contract=manifest.contract)
        export_model(model, run.transform_output(), f"{folder}/1", statistics=run.statistics())
        loaded = LoadedModel(f"{folder}/1", version=1)
        with (
            ModelServer.of_model("lifelong", folder, poll_interval_s=0) as server,
            PredictionClient(server.address) as client,
        ):
            rankers = {name: Ranker(client, store) for name, store in stores.items()}
            times = collections.defaultdict(list)
            for request in requests:
                asked = as_rank_request(request)
                for name, ranker in rankers.items():
                    started = time.perf_counter()
                    answer = ranker.rank(asked)
                    times[f"{name}, end to end"].append(time.perf_counter() - started)
                    for part, seconds in answer.timings._asdict().items():
                        times[f"{name}, {part}"].append(seconds)
                    searched = search(stores[name], request, config)
                    _time(
                        times[f"{name}, model alone"],
                        run_signature,
                        loaded,
                        "searched_events",
                        searched,
                    )
                whole = _cut_to(request, config.max_events)
                _time(times["whole history sent, call"], client.predict, whole)
                _time(
                    times["whole history sent, model alone"],
                    run_signature,
                    loaded,
                    RANK_SIGNATURE,
                    whole,
                )
    return [*lines, *(f"online, {name}: {_describe(values)}" for name, values in times.items())]


def _time(seconds: list[float], action: Callable[..., object], *arguments: object) -> None:
    started = time.perf_counter()
    action(*arguments)
    seconds.append(time.perf_counter() - started)


def _cut_to(request: Request, max_events: int) -> Request:
    """Returns the request with no more events than the model reaches."""
    cut = {
        name: values[:, :max_events] if name.startswith(HISTORY) and values.ndim == 2 else values
        for name, values in request.items()
    }
    return cut | {HISTORY_LENGTH: np.minimum(request[HISTORY_LENGTH], max_events)}


def _describe(seconds: list[float]) -> str:
    half, most = np.percentile(np.array(seconds[WARM_UP:]) * 1e3, [50, 99])
    return f"p50 {half:.2f} ms, p99 {most:.2f} ms"
