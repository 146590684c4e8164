"""Ranking one real request x 200 candidates x L = 1,024, with and without baked signatures."""

from __future__ import annotations

import functools
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf

from lifelong.models.export import export_model
from lifelong.models.reader import request_dataset
from lifelong.models.records import record_spec
from lifelong.models.trained import SPEC_FILE, load_trained
from lifelong.serving.client import PredictionClient
from lifelong.serving.server.server import ModelServer
from lifelong.serving.server.session import LoadedModel
from tests.benchmarks.finished_run import FinishedRun
from tests.benchmarks.timing import paired_medians

CANDIDATES, LONG_LENGTH = 200, 1_024


def measure_ranking() -> list[str]:
    """Times the session calls that answer a Predict, and a Predict, on real weights and history."""
    run = FinishedRun.read()
    transform_output = run.transform_output()
    with tempfile.TemporaryDirectory() as folder:
        # No weight depends on L, so that the trained model can read a longer history.
        trained = Path(folder) / "trained"
        shutil.copytree(run.trained_folder, trained)
        fields = json.loads((trained / SPEC_FILE).read_text())
        fields["model"]["long_length"] = LONG_LENGTH
        (trained / SPEC_FILE).write_text(json.dumps(fields))
        model = load_trained(str(trained))
        loaded = {}
        for name in ("unbaked", "baked"):
            if name == "baked":
                model.long_term.bake()
            path = str(Path(folder) / name / "1")
            export_model(model, transform_output, path)
            loaded[name] = LoadedModel(path, version=1)
        request = _real_request(run, model.spec.model.window)
        actions = {f"session call, {name}": _call(model, request) for name, model in loaded.items()}
        with (
            ModelServer("lifelong", str(Path(folder) / "baked"), poll_interval_s=0) as server,
            PredictionClient(server.address) as client,
        ):
            actions["Predict over gRPC, baked"] = functools.partial(client.predict, request)
            seconds = paired_medians(actions, rounds=200, warm_up=20)
    lines = [
        f"ranking, {name}: {value * 1e3:.2f} ms for {CANDIDATES} candidates, L = {LONG_LENGTH:,}"
        for name, value in seconds.items()
    ]
    unbaked, baked, _ = seconds.values()
    return [*lines, f"ranking, unbaked / baked: {unbaked / baked:.2f}"]


def _real_request(run: FinishedRun, window: int) -> dict[str, np.ndarray]:
    """Returns the first eval request with a full window, with candidates of many requests."""
    spec = run.model().spec
    batches = request_dataset(run.raw_files("eval"), record_spec(spec.features), window, 1)
    items, categories, request = [], [], None
    for batch in batches:
        items.append(batch["candidate_item"][0])
        categories.append(batch["candidate_category"][0])
        if request is None and batch["history_length"][0] == window:
            request = {key: value.numpy() for key, value in batch.items()}
        if request is not None and sum(map(len, items)) >= CANDIDATES:
            break
    assert request is not None, f"no eval request has {window} earlier events"
    del request["candidate_label"]
    request["candidate_item"] = tf.concat(items, axis=0)[tf.newaxis, :CANDIDATES].numpy()
    request["candidate_category"] = tf.concat(categories, axis=0)[tf.newaxis, :CANDIDATES].numpy()
    request["candidate_length"] = np.array([CANDIDATES])
    return request


def _call(model: LoadedModel, request: dict[str, np.ndarray]) -> functools.partial:
    signature = model.signatures["serving_default"]
    feeds = {signature.inputs[key].name: value for key, value in request.items()}
    return functools.partial(model.run, feeds, [signature.outputs["scores"].name])
