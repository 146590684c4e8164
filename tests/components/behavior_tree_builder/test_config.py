import dataclasses

import pytest

from lifelong.components.behavior_example_gen.config import IngestConfig, SplitConfig
from lifelong.components.behavior_tree_builder.config import TreeConfig
from lifelong.data.features import Feature
from lifelong.data.logs.config import LogColumns, LogConfig

INGEST = IngestConfig(
    behaviors=LogConfig("log.csv", columns=LogColumns(behavior="action")),
    features=(
        Feature("price", "event", "numeric"),
        Feature("weekday", "request"),
        Feature("age", "user", "numeric"),
    ),
    category_taxonomy="2024",
)


def test_json_and_back():
    config = TreeConfig.of(INGEST, shards=3, max_events_per_category=5, max_age_days=7)
    assert TreeConfig.from_json(config.to_json()) == config
    assert config.retention.max_age_s == 7 * 86_400


def test_only_what_the_store_holds_is_part_of_it():
    splits = SplitConfig(validation_start="2020-01-01", eval_start="2020-02-01")
    other = dataclasses.replace(INGEST, splits=splits, window=7, seed=3, shards=2)
    assert TreeConfig.of(other) == TreeConfig.of(INGEST)
    labelled = dataclasses.replace(INGEST, id_space="second")
    assert TreeConfig.of(labelled) != TreeConfig.of(INGEST)


def test_the_manifest_tells_features_contract_and_source():
    config = TreeConfig.of(INGEST, shards=3)
    manifest = config.manifest("split:behaviors,num_files:1")
    assert manifest.features == {"behavior": "int64", "price": "float32"}
    assert manifest.shards == 3
    assert manifest.contract == INGEST.contract
    assert manifest.source.startswith("split:behaviors,num_files:1\nconfig:")
    assert config.manifest("another").source != manifest.source
    shorter = TreeConfig.of(INGEST, shards=3, max_age_days=9)
    assert shorter.manifest("split:behaviors,num_files:1") != manifest


@pytest.mark.parametrize("name", ["shards", "max_events_per_category", "max_age_days"])
def test_numbers_that_make_no_sense_are_refused(name):
    with pytest.raises(ValueError, match=rf"store\.{name} is -1; it must be at least"):
        TreeConfig.of(INGEST, **{name: -1}).validate()


def test_an_event_feature_must_not_take_the_name_of_the_user():
    ingest = dataclasses.replace(INGEST, features=(Feature("user", "event"),))
    with pytest.raises(ValueError, match="has a column `user` of its own"):
        TreeConfig.of(ingest).validate()
