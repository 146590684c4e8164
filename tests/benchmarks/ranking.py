"""Ranking 1 request x 200 candidates x L = 1,024 with and without baked signatures."""

from __future__ import annotations

import tempfile
from pathlib import Path

import tensorflow as tf

from lifelong.models.ctr_model import CTRModel
from lifelong.models.trained import build
from tests.benchmarks.sample import make_spec, random_requests
from tests.benchmarks.timing import paired_medians

CANDIDATES, LONG_LENGTH = 200, 1_024


def measure_ranking() -> list[str]:
    """Times the graphs that the two SavedModels run after Transform's look-ups."""
    request = random_requests(1, CANDIDATES, make_spec(long_length=LONG_LENGTH).model.window)
    del request["candidate_label"]
    ranked = {}
    for name, long_term in (("none", "none"), ("unbaked", "eta"), ("baked", "eta")):
        tf.keras.utils.set_random_seed(1)
        model = CTRModel(make_spec(long_term=long_term, long_length=LONG_LENGTH))
        build(model)
        if name == "baked":
            model.long_term.bake()
        ranked[name] = _reloaded(model, request)
    seconds = paired_medians(ranked, rounds=200, warm_up=20)
    lines = [f"ranking, {name}: {value * 1e3:.2f} ms" for name, value in seconds.items()]
    ratio = seconds["unbaked"] / seconds["baked"]
    return [*lines, f"ranking, unbaked / baked: {ratio:.2f}"]


def _reloaded(model: CTRModel, request: dict):
    spec = {key: tf.TensorSpec([None] * v.shape.rank, v.dtype) for key, v in request.items()}

    @tf.function(input_signature=[spec])
    def score(batch):
        return tf.sigmoid(model(batch))

    module = tf.Module()
    module.score = score
    module.model_variables = list(score.get_concrete_function().graph.variables)
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "model")
        tf.saved_model.save(module, path)
        loaded = tf.saved_model.load(path)
    return lambda: loaded.score(request)
