"""A small architecture, and what it takes to give it a vocabulary and weights, for tests."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from tfx_bsl.public import tfxio

from lifelong.components.curated_schema.schema import make_schema
from lifelong.components.local_runner import LocalRunner
from lifelong.components.vocabulary_builder.config import VocabularyConfig
from lifelong.components.vocabulary_builder.counting import WriteVocabularies
from lifelong.data.features import Feature
from lifelong.data.keys import STATISTICS
from lifelong.models.config import ModelConfig, ModelSpec
from lifelong.models.ctr_model import CTRModel
from lifelong.models.preprocessing import preprocessing_fn
from lifelong.models.records import Batch, cut_requests, make_pool, record_spec
from lifelong.models.trained import build
from lifelong.models.training import make_spec
from tests.sample_records import make_records, serialize, write_records

SMALL = ModelConfig(
    short_length=4,
    long_length=8,
    evidence_length=0,
    statistics=False,
    searched_events=3,
    item_dim=8,
    category_dim=4,
    user_dim=2,
    time_gap_dim=4,
    heads=2,
    head_dim=4,
    head_reads_items=True,
    cross_layers=1,
    cross_dim=4,
    hidden=(16,),
)
# The records of all these tests: histories shorter and longer than the window, one empty.
RECORDS = make_records(users=10, seed=4)


def small_config(long_term: str, **changes: Any) -> ModelConfig:
    """Returns the small architecture with a long-term part, and with other changes."""
    return dataclasses.replace(SMALL, long_term=long_term, **changes)


def small_spec(long_term: str, **changes: Any) -> ModelSpec:
    """Returns a specification whose vocabularies hold all raw ids of `RECORDS`."""
    config = small_config(long_term, **changes)
    return ModelSpec(config, (), {"item": 71, "category": 8, "user": 41}, {})


def all_requests(records: list[dict]) -> Batch:
    """Returns all requests of records as one batch, ids as they are, without statistics."""
    serialized = tf.constant([serialize(record) for record in records])
    pool = make_pool(tf.io.parse_example(serialized, record_spec(())))
    count = tf.shape(pool["record_of_request"], out_type=tf.int64)[0]
    batch = cut_requests(pool, tf.range(count), SMALL.window)
    return {key: value for key, value in batch.items() if key not in STATISTICS}


def run_transform(
    folder: Path,
    records: list[dict] = RECORDS,
    features: tuple[Feature, ...] = (),
    candidates_are_logged: bool = False,
    previous: str | None = None,
) -> tft.TFTransformOutput:
    """Runs the real `preprocessing_fn` on records, counting items from two on.

    The vocabularies lie in `folder / "vocabularies"`; `previous` is such a folder.
    """
    path = write_records(records, folder / "records.gz")
    schema = make_schema(features)
    source = tfxio.TFExampleRecord(path, schema=schema, telemetry_descriptors=["tests"])
    vocabularies = str(folder / "vocabularies")
    (folder / "vocabularies").mkdir()
    counting = VocabularyConfig(features, 2, 1, candidates_are_logged)
    with beam.Pipeline(LocalRunner()) as pipeline:
        batches = pipeline | source.BeamSource()
        _ = batches | WriteVocabularies(counting, vocabularies, previous)
    custom_config = {
        "features": [dataclasses.asdict(feature) for feature in features],
        "vocabularies": vocabularies,
    }
    with beam.Pipeline(LocalRunner()) as pipeline, tft_beam.Context(temp_dir=str(folder / "temp")):
        data = (pipeline | source.BeamSource(), source.TensorAdapterConfig())
        transform_fn = data | tft_beam.AnalyzeDataset(
            functools.partial(preprocessing_fn, custom_config=custom_config)
        )
        _ = transform_fn | tft_beam.WriteTransformFn(str(folder / "output"))
    return tft.TFTransformOutput(str(folder / "output"))


def transform_records(records: list[dict], transform_output: tft.TFTransformOutput) -> list[dict]:
    """Applies Transform's graph to records, as the component does."""
    transform = transform_output.transform_features_layer()
    # What a ragged feature is called in the component's files.
    names = {
        key: getattr(spec, "value_key", key)
        for key, spec in transform_output.transformed_feature_spec().items()
    }
    serialized = tf.constant([serialize(record) for record in records])
    rows = transform(tf.io.parse_example(serialized, record_spec(())))
    return [
        {names[key]: np.asarray(values[i]).reshape(-1) for key, values in rows.items()}
        for i in range(len(records))
    ]


def spread_model(
    long_term: str, transform_output: tft.TFTransformOutput, **changes: Any
) -> CTRModel:
    """Returns a small model whose random weights are large enough for its scores to differ."""
    config = {"model": dataclasses.asdict(small_config(long_term, **changes)), "features": []}
    return spread(make_spec(config, transform_output))


def spread(spec: ModelSpec) -> CTRModel:
    """Builds a model with random weights that are large enough for its scores to differ."""
    model = CTRModel(spec)
    build(model)
    rng = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(0, 0.5, variable.shape))
    return model
