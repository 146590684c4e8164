"""The store gives, for the time of a request, what the request's record shows the model."""

import numpy as np
import pytest

from lifelong.components.behavior_tree_builder.config import TreeConfig
from lifelong.components.behavior_tree_builder.store_files import store_uri
from lifelong.data.keys import SPLITS
from lifelong.serving.behavior_store import Cut, open_store

NAMES = ("item", "category", "timestamp", "behavior", "price")


@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
def test_histories_before_a_request_equal_those_of_its_record(
    ingest, build, ingest_config, rows, suffix
):
    config = ingest_config(rows, suffix)
    records = ingest(config).records
    checked = 0
    with open_store(store_uri(build(TreeConfig.of(config)))) as store:
        for record in [record for split in SPLITS for record in records[split]]:
            user = record["user"][0]
            for time, end in zip(
                record["request_timestamp"], record["request_events"], strict=True
            ):
                found = store.history(user, config.window, before=Cut(time))
                with store.read(user) as tree:
                    length = tree.window(config.window, Cut(time)).length
                assert length == min(end + record["events_before_record"][0], config.window)
                assert set(found) == set(NAMES)
                for name in NAMES:
                    seen = record[f"history_{name}"][max(end - config.window, 0) : end]
                    np.testing.assert_array_equal(found[name], seen)
                checked += 1
    assert checked > 100
