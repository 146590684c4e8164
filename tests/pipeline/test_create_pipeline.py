from pathlib import Path

import pytest

from lifelong.components.behavior_example_gen import completejourney
from lifelong.components.evaluation.eval_config import make_eval_config
from lifelong.models.config import ModelConfig, TrainingConfig
from lifelong.pipeline.create_pipeline import create_data_pipeline, create_pipeline

COMMON = {
    "pipeline_name": "shop",
    "pipeline_root": Path("/artifacts"),
    "metadata_path": Path("/metadata.sqlite"),
    "schema_file": Path("/schema.pbtxt"),
    "ingest": completejourney.default_config(Path("/behaviors.parquet")),
    "beam_args": ["--direct_num_workers=2"],
}


@pytest.fixture
def whole():
    return create_pipeline(
        **COMMON,
        serving_folder=Path("/serving"),
        checkpoint_folder=Path("/checkpoints"),
        model=ModelConfig(),
        training=TrainingConfig(min_count=7),
        eval_config=make_eval_config(0.6, -0.005),
    )


def test_the_data_pipeline_is_the_beginning_of_the_whole_one(whole):
    """Alike to the last property, so that what one has run is cached for the other."""
    data = create_data_pipeline(**COMMON, min_count=7)
    of_whole = {component.id: component for component in whole.components}
    ids = {component.id for component in data.components}
    assert {"BehaviorExampleGen", "Transform"} <= ids
    assert of_whole.keys() - ids >= {"Trainer", "SignatureBaker", "Evaluator", "Pusher"}
    for component in data.components:
        assert component.exec_properties == of_whole[component.id].exec_properties
    for key in ("pipeline_name", "pipeline_root"):
        assert getattr(data.pipeline_info, key) == getattr(whole.pipeline_info, key)
    assert data.beam_pipeline_args == whole.beam_pipeline_args
    assert data.enable_cache == whole.enable_cache


def test_another_vocabulary_is_another_transform():
    transforms = [
        component.exec_properties
        for min_count in (1, 2)
        for component in create_data_pipeline(**COMMON, min_count=min_count).components
        if component.id == "Transform"
    ]
    assert transforms[0] != transforms[1]
