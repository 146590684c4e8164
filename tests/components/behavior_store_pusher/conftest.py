"""Small stores, as the builder leaves them."""

import numpy as np
import pytest

from lifelong.components.behavior_tree_builder.store_files import (
    finish_store,
    put_shard,
    put_statistics,
    store_uri,
)
from lifelong.serving.behavior_store import Manifest
from lifelong.serving.behavior_store.lmdb_store import build_shard
from lifelong.serving.behavior_store.packed_user import pack_user
from lifelong_artifacts import BehaviorTree
from tests.sample_statistics import random_statistics

TIME = 20_000 * 86_400


@pytest.fixture
def built(tmp_path):
    """Makes an artifact with a store of some events of user 1."""

    def make(name, events=5):
        tree = BehaviorTree()
        tree.uri = str(tmp_path / "artifacts" / name)
        tree.set_int_custom_property("events", events)
        statistics = random_statistics(time=TIME)
        manifest = Manifest(shards=1, source=name, statistics_time=TIME)
        times = np.arange(events)
        user = pack_user(1, {"item": times, "category": times, "timestamp": times}, 112)
        build_shard(tmp_path / "built" / name, manifest, 0, [user])
        put_shard(tmp_path / "built" / name, 0, store_uri(tree))
        put_statistics(statistics, store_uri(tree))
        finish_store(store_uri(tree), manifest)
        return tree

    return make
