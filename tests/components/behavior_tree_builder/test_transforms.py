"""Stores against what the words of the data contract say, one Python object an event."""

import collections
import dataclasses

import apache_beam as beam
import numpy as np
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from lifelong.components.behavior_example_gen.config import IngestConfig
from lifelong.components.behavior_tree_builder.config import TreeConfig
from lifelong.components.behavior_tree_builder.store_files import finish_store
from lifelong.components.behavior_tree_builder.transforms import BuildTrees, _Build
from lifelong.components.local_runner import LocalRunner
from lifelong.components.log_reading.counting import WriteCounts, read_counts
from lifelong.data import columns as cols
from lifelong.data.ids import MISSING_ID, id_of
from lifelong.data.logs.config import LogConfig
from lifelong.serving.behavior_store import open_store
from tests.components.behavior_tree_builder.conftest import DAY, START

NOW = START + 1000 * DAY
NAMES = ("timestamp", "item", "category", "behavior", "price")


def expected(rows):
    """Distinct events of each user in the order (timestamp, item, category, features)."""
    users = collections.defaultdict(set)
    for row in rows:
        ids = [id_of(row[name]) for name in ("item", "category", "action")]
        users[id_of(row["user"])].add((row["timestamp"], *ids, row["price"]))
    return {user: sorted(events) for user, events in users.items()}


def stored(folder):
    """All events of each user, as the store gives them."""
    with open_store(folder) as store:
        users = [packed.user for packed in store.scan()]
        histories = {user: store.history(user, 10_000) for user in users}
    return {
        user: list(zip(*(history[name].tolist() for name in NAMES), strict=True))
        for user, history in histories.items()
    }


@pytest.fixture
def run(tmp_path_factory):
    """Builds a store and returns its folder and the counts."""

    def build(config, flags=(), now=NOW):
        folder = tmp_path_factory.mktemp("built")
        manifest = config.manifest("log")
        with beam.Pipeline(LocalRunner(), options=PipelineOptions(list(flags))) as pipeline:
            transform = BuildTrees(config, manifest, f"{folder}/store", now)
            _ = pipeline | transform | WriteCounts(str(folder))
        finish_store(f"{folder}/store", manifest)
        return folder / "store", read_counts(str(folder))

    return build


@pytest.mark.parametrize(("suffix", "shards"), [("jsonl", 1), ("parquet", 4), ("csv", 20)])
def test_the_store_holds_every_distinct_event_in_order(run, ingest_config, rows, suffix, shards):
    folder, counts = run(TreeConfig.of(ingest_config(rows, suffix), shards=shards))
    wanted = expected(rows)
    assert stored(folder) == wanted
    events = sum(map(len, wanted.values()))
    assert counts["behaviors/rows"] == len(rows)
    assert counts["behaviors/duplicates"] == len(rows) - events
    assert counts["store/users"] == len(wanted) == 9
    assert counts["store/events"] == events
    assert counts["store/events_not_kept"] == 0


@pytest.mark.slow
def test_one_worker_and_two_build_the_same_store(run, ingest_config, rows):
    config = TreeConfig.of(ingest_config(rows, "parquet"), shards=4)
    flags = ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]
    (one, counts), (two, others) = run(config), run(config, flags)
    assert stored(one) == stored(two)
    assert counts == others


def test_retention_keeps_the_newest_and_counts_the_others(run, ingest_config, rows):
    config = TreeConfig.of(ingest_config(rows), max_events_per_category=3, max_age_days=10)
    folder, counts = run(config)
    newest = max(row["timestamp"] for row in rows)
    wanted, dropped = {}, 0
    for user, events in expected(rows).items():
        by_category = collections.defaultdict(list)
        for event in events:
            if event[0] >= newest - 10 * DAY:
                by_category[event[2]].append(event)
        wanted[user] = sorted(event for some in by_category.values() for event in some[-3:])
        dropped += len(events) - len(wanted[user])
    assert stored(folder) == {user: events for user, events in wanted.items() if events}
    assert counts["store/events_not_kept"] == dropped > 0


def test_a_wrong_time_in_the_future_does_not_age_all_others(run, ingest_config, rows):
    wrong = {**rows[0], "timestamp": NOW + 5000 * DAY}
    config = TreeConfig.of(ingest_config([*rows, wrong]), max_age_days=1001)
    _, counts = run(config)
    assert counts["store/events_not_kept"] == 0


def test_a_bundle_that_is_done_again_changes_nothing(tmp_path):
    config = TreeConfig.of(IngestConfig(LogConfig("log.csv")), shards=2)
    manifest, uri = config.manifest("log"), str(tmp_path / "store")
    work = _Build(config.retention, manifest, uri, NOW)
    users = np.arange(20)
    block = dict.fromkeys(("item", "category", "timestamp"), users + START)
    parts = cols.split_by({"user": users, **block}, manifest.shard_of(users))
    for number, part in [*parts, *parts]:
        (counted,) = work.process((number, [("behaviors", part)]), START)
        assert counted.value["store/users"] == len(part["user"])
    finish_store(uri, manifest)
    with open_store(uri) as store:
        assert store.size()[:2] == (20, 20)
        assert store.history(7, 5)["item"].tolist() == [START + 7]


def test_categories_of_the_item_table_give_the_store_that_those_of_the_log_give(
    run, ingest_config, ingest, rows, write_log
):
    """Records and store agree: both look categories up."""
    of_item = {row["item"]: f"c{number % 4}" for number, row in enumerate(rows)}
    given = [{**row, "category": of_item[row["item"]]} for row in rows]
    with_categories = ingest_config(given)
    table = [{"item": item, "category": category} for item, category in of_item.items()]
    items = LogConfig(write_log("items.csv", table))
    log = write_log("plain.parquet", [{**row, "category": "odd"} for row in rows])
    columns = dataclasses.replace(with_categories.behaviors.columns, category="")
    without = dataclasses.replace(
        with_categories, behaviors=LogConfig(log, columns=columns), items=items
    )
    folder, counts = run(TreeConfig.of(without))
    assert stored(folder) == stored(run(TreeConfig.of(with_categories))[0])
    assert counts["behaviors/missing/category"] == 0
    assert ingest(without.of_records).records == ingest(with_categories).records


def test_items_that_the_table_lacks_have_no_category(run, ingest_config, rows, write_log):
    config = ingest_config(rows)
    columns = dataclasses.replace(config.behaviors.columns, category="")
    config = dataclasses.replace(
        config,
        behaviors=dataclasses.replace(config.behaviors, columns=columns),
        items=LogConfig(write_log("items.csv", [{"item": rows[0]["item"], "category": "c"}])),
    )
    folder, counts = run(TreeConfig.of(config))
    lacking = sum(row["item"] != rows[0]["item"] for row in rows)
    assert counts["behaviors/missing/category"] == lacking
    found = {event[1:3] for events in stored(folder).values() for event in events}
    known = id_of(rows[0]["item"])
    assert all(c == (id_of("c") if item == known else MISSING_ID) for item, c in found)
