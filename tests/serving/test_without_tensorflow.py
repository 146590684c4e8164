"""What a backend uses works where TensorFlow cannot be imported."""

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest

from lifelong.data.contract import VERSION, DataContract
from lifelong.models.export import export_model
from lifelong.models.training import make_spec
from lifelong.serving.behavior_store import Manifest
from lifelong.serving.behavior_store.lmdb_store import LmdbStore
from lifelong.serving.client import PredictionClient
from lifelong.serving.ranker import Ranker, RankRequest
from lifelong.serving.server.server import ModelServer
from tests.sample_models import RECORDS, small_config, spread

RECORD = max(RECORDS, key=lambda record: len(record["history_item"]))
USER, NOW = int(RECORD["user"][0]), 4_000_000_000

# A fresh process: TensorFlow and what needs it are out of reach.
BACKEND = """
import asyncio, json, sys


class OutOfReach:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"tensorflow", "tensorflow_serving", "tfx", "apache_beam", "keras"}:
            raise ImportError(f"{name} is out of reach")


sys.meta_path.insert(0, OutOfReach())
from lifelong.serving import (
    AsyncPredictionClient, AsyncRanker, PredictionClient, Ranker, RankRequest, build_request,
    open_store,
)

address, folder, user, now = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
candidates = {"item": [1, 2, 3], "category": [1, 2, 3]}
request = RankRequest(user, candidates, now)
with open_store(folder) as store, PredictionClient(address) as client:
    ranked = Ranker(client, store).rank(request, top=3)
    history = store.history(user, limit=12)
    scores = client.predict(build_request(user, history, candidates, now, 12))["scores"]

    async def ask():
        async with AsyncPredictionClient(address) as other:
            return await AsyncRanker(other, store).rank(request, top=3)

    again = asyncio.run(ask())
assert "tensorflow" not in sys.modules
print(json.dumps({
    "items": [[it.item, it.score, len(it.evidence)] for it in ranked.items],
    "again": [[it.item, it.score, len(it.evidence)] for it in again.items],
    "scores": scores.tolist(),
}))
"""


@pytest.fixture(scope="module")
def online(transform_output, tmp_path_factory):
    """A served model and a store of its data: address and folder."""
    folder = tmp_path_factory.mktemp("online")
    contract = DataContract(VERSION)
    config = {
        "model": dataclasses.asdict(small_config("sim_hard")),
        "features": [],
        "data_contract": dataclasses.asdict(contract),
    }
    export_model(
        spread(make_spec(config, transform_output)), transform_output, str(folder / "model" / "1")
    )
    with LmdbStore.create(folder / "store", Manifest(contract=contract, shards=1)) as store:
        events = {name: RECORD[f"history_{name}"] for name in ("item", "category", "timestamp")}
        store.append({"user": np.full(len(events["item"]), USER), **events})
    with ModelServer.of_model("lifelong", str(folder / "model"), poll_interval_s=0) as server:
        yield server.address, str(folder / "store")


def test_predict_and_rank_need_no_tensorflow(online):
    address, folder = online
    done = subprocess.run(
        [sys.executable, "-c", BACKEND, address, folder, str(USER), str(NOW)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout)
    with LmdbStore(folder) as store, PredictionClient(address) as client:
        candidates = {"item": [1, 2, 3], "category": [1, 2, 3]}
        here = Ranker(client, store).rank(RankRequest(USER, candidates, NOW), top=3)
    expected = [[it.item, it.score, len(it.evidence)] for it in here.items]
    assert told["items"] == told["again"] == expected
    assert sorted(told["scores"][0], reverse=True) == pytest.approx(
        [score for _, score, _ in expected], abs=1e-5
    )
