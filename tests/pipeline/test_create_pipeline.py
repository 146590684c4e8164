import dataclasses
import json
from pathlib import Path

import pytest
from ml_metadata.proto.metadata_store_pb2 import ConnectionConfig
from tfx.dsl.components.base import base_driver

from lifelong.components.behavior_tree_builder.config import TreeConfig
from lifelong.components.day_statistics.config import DayStatisticsConfig
from lifelong.components.evaluation.eval_config import make_eval_config
from lifelong.components.serving_validator.config import ServingConfig
from lifelong.data.contract import DataContract
from lifelong.data.features import Feature
from lifelong.data.logs.config import LogColumns, LogConfig
from lifelong.models.config import ExportConfig, ModelConfig, TrainingConfig
from lifelong.pipeline.create_pipeline import (
    BaseModel,
    create_data_pipeline,
    create_pipeline,
)
from lifelong.pipeline.default_data import default_ingestion
from lifelong.pipeline.run_parameters import RunParameters
from tests.sample_fingerprints import FINGERPRINTS

COMMON = {
    "pipeline_name": "shop",
    "pipeline_root": "gs://bucket/artifacts",
    "ingest": default_ingestion(Path("/behaviors.parquet")),
    "beam_args": ["--direct_num_workers=2"],
}


def create(**more):
    return create_pipeline(
        **{**COMMON, **more},
        serving_folder="gs://bucket/serving",
        checkpoint_folder="gs://bucket/checkpoints",
        findings_folder="gs://bucket/findings",
        parameters=RunParameters(FINGERPRINTS, "model 5", "store 7"),
        model=ModelConfig(),
        training=TrainingConfig(min_count=7),
        eval_config=make_eval_config(0.6, -0.005),
    )


@pytest.fixture
def whole():
    return create(tree=TreeConfig.of(COMMON["ingest"], shards=3), store_destination="/store")


def by_id(pipeline):
    return {component.id: component for component in pipeline.components}


def test_the_data_pipeline_is_the_beginning_of_the_whole_one(whole):
    """Alike to the last property, so that what one has run is cached for the other."""
    data = create_data_pipeline(
        **COMMON, fingerprints=FINGERPRINTS, training=TrainingConfig(min_count=7)
    )
    of_whole = by_id(whole)
    ids = {component.id for component in data.components}
    assert {"BehaviorExampleGen", "Transform"} <= ids
    assert of_whole.keys() - ids >= {"Trainer", "SignatureBaker", "Evaluator", "Pusher"}
    for component in data.components:
        assert component.exec_properties == of_whole[component.id].exec_properties
    for key in ("pipeline_name", "pipeline_root"):
        assert getattr(data.pipeline_info, key) == getattr(whole.pipeline_info, key)
    assert data.beam_pipeline_args == whole.beam_pipeline_args
    assert data.enable_cache == whole.enable_cache


@pytest.mark.parametrize("changed", ["min_count", "min_user_count"])
def test_other_least_counts_are_other_vocabularies(changed):
    properties = [
        by_id(
            create_data_pipeline(
                **COMMON, fingerprints=FINGERPRINTS, training=TrainingConfig(**{changed: least})
            )
        )["VocabularyBuilder"].exec_properties
        for least in (3, 4)
    ]
    assert properties[0] != properties[1]


def test_a_model_is_trained_on_with_its_vocabularies():
    components = by_id(create(base=BaseModel("gs://bucket/trained", "gs://bucket/vocabularies")))
    for user, key, imported, uri in (
        ("Trainer", "base_model", "base_model", "gs://bucket/trained"),
        ("VocabularyBuilder", "previous", "base_vocabularies", "gs://bucket/vocabularies"),
    ):
        importer = components[imported]
        assert components[user].inputs[key] is importer.outputs["result"]
        assert importer.exec_properties["artifact_uri"] == uri
    assert "base_model" not in by_id(create())["Trainer"].inputs


def test_transform_is_given_the_vocabularies(whole):
    components = by_id(whole)
    given = components["Transform"].inputs["vocabularies"]
    assert given is components["VocabularyBuilder"].outputs["vocabularies"]


def test_example_gen_is_given_the_statistics_of_the_same_log(whole):
    components = by_id(whole)
    builder, example_gen = components["DayStatisticsBuilder"], components["BehaviorExampleGen"]
    assert example_gen.inputs["day_statistics"] is builder.outputs["day_statistics"]
    config = DayStatisticsConfig.from_json(builder.exec_properties["config"])
    assert config == DayStatisticsConfig.of(COMMON["ingest"])


def test_an_item_table_reaches_all_that_read_features_of_items(whole):
    items = LogConfig("/items.parquet", columns=LogColumns(category=""))
    ingest = dataclasses.replace(
        COMMON["ingest"], items=items, features=(Feature("brand", "item"),)
    )
    components, without = by_id(create(ingest=ingest)), by_id(whole)
    table = components["ItemTableBuilder"].outputs["item_table"]
    for reader in ("VocabularyBuilder", "Trainer", "SignatureBaker"):
        assert components[reader].inputs["item_table"] is table
        assert "item_table" not in without[reader].inputs
    vocabularies = components["VocabularyBuilder"].outputs["vocabularies"]
    assert components["Trainer"].inputs["vocabularies"] is vocabularies
    # Records do not depend on features of items.
    for same in ("BehaviorExampleGen", "Transform"):
        assert components[same].exec_properties == without[same].exec_properties
    assert "ItemTableBuilder" not in without


def test_how_to_export_reaches_the_signature_baker():
    export = ExportConfig(negative_sampling_rate=0.25)
    properties = by_id(create(export=export))["SignatureBaker"].exec_properties
    assert ExportConfig.from_json(properties["export"]) == export


def test_the_store_is_built_after_the_records_and_pushed(whole):
    components = by_id(whole)
    builder, pusher = components["BehaviorTreeBuilder"], components["BehaviorStorePusher"]
    counter = components["DayStatisticsBuilder"]
    assert builder.upstream_nodes == {components["BehaviorExampleGen"], counter}
    assert builder.inputs["day_statistics"] is counter.outputs["day_statistics"]
    assert pusher.upstream_nodes == {builder}
    assert TreeConfig.from_json(builder.exec_properties["config"]).shards == 3
    assert pusher.exec_properties["destination"] == "/store"
    assert pusher.exec_properties["destination_state"] == "store 7"
    assert pusher.exec_properties["keep_versions"] == 2


def test_without_a_store_all_others_are_the_same(whole):
    components, without = by_id(whole), by_id(create())
    assert components.keys() - without.keys() == {"BehaviorTreeBuilder", "BehaviorStorePusher"}
    for name, component in without.items():
        assert component.exec_properties == components[name].exec_properties


def test_model_and_store_are_told_the_same_data_contract(whole):
    components = by_id(whole)
    store = TreeConfig.from_json(components["BehaviorTreeBuilder"].exec_properties["config"])
    model = json.loads(components["Trainer"].exec_properties["custom_config"])
    assert DataContract(**model["data_contract"]) == store.contract == COMMON["ingest"].contract


def test_what_is_pushed_is_the_warmed_model_that_both_have_blessed():
    components = by_id(create(serving=ServingConfig(latency_budget_ms=25)))
    validator, pusher = components["ServingValidator"], components["Pusher"]
    assert pusher.inputs.keys() == {"model_blessing", "infra_blessing"}
    assert pusher.upstream_nodes == {components["Evaluator"], validator}
    # It comes after the Evaluator, but reads nothing of it that would change with the baseline.
    assert components["Evaluator"] in validator.upstream_nodes
    assert validator.inputs.keys() == {"model", "examples"}
    properties = validator.exec_properties
    assert ServingConfig.from_json(properties["config"]).latency_budget_ms == 25
    assert properties["model_name"] == "shop"
    assert properties["split"] == "eval"


def test_the_evaluator_compares_with_the_model_that_runs(whole):
    components = by_id(whole)
    running = components["RunningModel"]
    assert components["Evaluator"].inputs["baseline_model"] is running.outputs["model"]
    assert running.exec_properties == {
        "serving_folder": "gs://bucket/serving",
        "serving_state": "model 5",
    }


def test_a_log_is_told_to_all_that_read_it_and_to_no_others(whole):
    told = {
        name
        for name, component in by_id(whole).items()
        if component.exec_properties.get("behaviors_fingerprint") == FINGERPRINTS["behaviors"]
    }
    assert told == {"DayStatisticsBuilder", "BehaviorExampleGen", "BehaviorTreeBuilder"}


def test_no_component_has_a_driver_of_its_own(whole):
    """Kubeflow and Vertex would not run it."""
    for component in whole.components:
        assert component.DRIVER_CLASS is base_driver.BaseDriver, component.id


def test_uris_stay_as_they_are(whole):
    """No path library has made gs:/bucket of them."""
    components = by_id(whole)
    assert whole.pipeline_info.pipeline_root == "gs://bucket/artifacts"
    told = {
        "Trainer": "gs://bucket/checkpoints",
        "RunningModel": "gs://bucket/serving",
        "ServingValidator": "gs://bucket/findings",
        "Pusher": "gs://bucket/serving",
    }
    for name, uri in told.items():
        assert uri in str(components[name].exec_properties), name
    everything = str([component.exec_properties for component in whole.components])
    assert "gs:/b" not in everything.replace("gs://", "")


def test_metadata_and_functions_may_be_others():
    connection = ConnectionConfig(fake_database={})
    other = create(
        metadata_connection_config=connection, run_fn="shop.train", preprocessing_fn="shop.rows"
    )
    assert other.metadata_connection_config == connection
    assert create().metadata_connection_config is None, "the runner's own"
    assert by_id(other)["Trainer"].exec_properties["run_fn"] == "shop.train"
    assert by_id(other)["Transform"].exec_properties["preprocessing_fn"] == "shop.rows"
