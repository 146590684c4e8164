"""A small model specification and batches of requests for it."""

import functools

import apache_beam as beam
import pytest
import tensorflow as tf

from lifelong.models.config import ModelConfig, ModelSpec
from lifelong.models.records import cut_requests, make_pool, record_spec
from tests.sample_records import make_records, serialize

SMALL = ModelConfig(
    short_length=4,
    long_length=8,
    searched_events=3,
    item_dim=8,
    category_dim=4,
    user_dim=2,
    time_gap_dim=4,
    heads=2,
    head_dim=4,
    hidden=(16,),
)
SIZES = {"item": 71, "category": 8, "user": 41}


@pytest.fixture(params=["none", "eta"])
def small_spec(request):
    """A specification for each long-term part."""
    return make_small_spec(request.param)


def make_small_spec(long_term):
    fields = {**SMALL.__dict__, "long_term": long_term}
    return ModelSpec(ModelConfig(**fields), (), SIZES)


@pytest.fixture(scope="session")
def batch():
    """Requests of several users, ids as embedding rows, histories longer and shorter than S."""
    serialized = tf.constant([serialize(record) for record in make_records(users=10, seed=4)])
    pool = make_pool(tf.io.parse_example(serialized, record_spec(())))
    count = tf.shape(pool["request_record"], out_type=tf.int64)[0]
    return cut_requests(pool, tf.range(count), SMALL.window)


@pytest.fixture(scope="session")
def transform_output(tmp_path_factory):
    """Transform's output on small records, made by the real `preprocessing_fn`."""
    import tensorflow_transform as tft
    import tensorflow_transform.beam as tft_beam
    from tfx_bsl.public import tfxio

    from lifelong.models.preprocessing import preprocessing_fn
    from lifelong.pipeline.schema import make_schema
    from tests.sample_records import write_records

    folder = tmp_path_factory.mktemp("transform")
    path = write_records(make_records(users=10, seed=4), folder / "records.gz")
    source = tfxio.TFExampleRecord(path, schema=make_schema(()), telemetry_descriptors=["tests"])
    custom_config = {"features": [], "min_count": 2, "candidates_are_logged": False}
    with beam.Pipeline() as pipeline, tft_beam.Context(temp_dir=str(folder / "temp")):
        data = (pipeline | source.BeamSource(), source.TensorAdapterConfig())
        transform_fn = data | tft_beam.AnalyzeDataset(
            functools.partial(preprocessing_fn, custom_config=custom_config)
        )
        transform_fn | tft_beam.WriteTransformFn(str(folder / "output"))
    return tft.TFTransformOutput(str(folder / "output"))
