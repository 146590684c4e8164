"""Users with histories, a store of them, models and a server, for tests of the online path."""

import contextlib
import dataclasses
import shutil

import numpy as np

from lifelong.data import columns as cols
from lifelong.data import events as ev
from lifelong.data.contract import VERSION, DataContract
from lifelong.models.export import export_model
from lifelong.models.training import make_spec
from lifelong.serving.behavior_store import Manifest
from lifelong.serving.behavior_store.lmdb_store import LmdbStore
from lifelong.serving.client import PredictionClient
from lifelong.serving.ranker import RankRequest
from lifelong.serving.server.server import ModelServer
from tests.sample_models import RECORDS, spread
from tests.sample_statistics import random_statistics

CONTRACT = DataContract(VERSION, id_space="shop", category_taxonomy="shelves")
USERS = [int(record["user"][0]) for record in RECORDS]


def events_of(record):
    """A record's events in the order of the data contract, each once."""
    columns = {name: record[f"history_{name}"] for name in ("item", "category", "timestamp")}
    columns = cols.take(columns, ev.time_order(columns))
    return cols.take(columns, ~ev.repeats_previous(columns))


HISTORIES = {int(record["user"][0]): events_of(record) for record in RECORDS}
LONGEST = sorted(HISTORIES, key=lambda user: -len(HISTORIES[user]["item"]))
NOW = 1 + max(int(h["timestamp"].max()) for h in HISTORIES.values() if len(h["timestamp"]))
DAY = 86_400
# Of the models, and of a store that is two days newer: other counts of some of the items.
TABLE = random_statistics(items=75, categories=7, time=(NOW // DAY - 2) * DAY)
NEWER = random_statistics(items=60, categories=5, time=NOW // DAY * DAY)


def export(config, transform_output, folder):
    """Exports a model with random weights."""
    fields = {
        "model": dataclasses.asdict(config),
        "features": [],
        "data_contract": dataclasses.asdict(CONTRACT),
    }
    model = spread(make_spec(fields, transform_output))
    statistics = TABLE if config.statistics else None
    export_model(model, transform_output, str(folder), statistics=statistics)


@contextlib.contextmanager
def store_of_histories(folder):
    """Makes a store of all users, without statistics."""
    manifest = Manifest(contract=CONTRACT, shards=2, block_size=4)
    with LmdbStore.create(folder, manifest) as made:
        for user, events in HISTORIES.items():
            made.append({"user": np.full(len(events["item"]), user), **events})
        yield made


@contextlib.contextmanager
def serving(model, base, poll_interval_s=0):
    shutil.copytree(model, base / "1")
    with (
        ModelServer.of_model("lifelong", str(base), poll_interval_s=poll_interval_s) as server,
        PredictionClient(server.address) as client,
    ):
        yield client


def request_of(user, seed=0, timestamp=NOW, **more):
    rng = np.random.default_rng([seed, user])
    items = rng.integers(0, 75, 12)
    # Categories that the user knows, and one that no one does.
    candidates = {"item": items, "category": np.where(items % 5 == 0, 999, items % 7)}
    return RankRequest(user, candidates, timestamp, **more)
