"""The curated schema of per-user records."""

from __future__ import annotations

import tensorflow as tf
from tensorflow_metadata.proto.v0 import schema_pb2

from lifelong.data.features import Feature
from lifelong.data.keys import CANDIDATE_LABEL
from lifelong.models.records import record_spec

# Keys that may hold any integer; all others are ids, times or counts and never negative.
_LABEL = CANDIDATE_LABEL


def make_schema(features: tuple[Feature, ...]) -> schema_pb2.Schema:
    """Returns the schema of raw records with the configured extra features.

    Every key must be present in every record; lists may be empty. Ids, times and counts are not
    negative, labels are 0 or 1.
    """
    schema = schema_pb2.Schema(represent_variable_length_as_ragged=True)
    numeric = {feature.key for feature in features if not feature.is_categorical}
    for key, spec in sorted(record_spec(features).items()):
        feature = schema.feature.add(name=key)
        feature.presence.min_fraction = 1.0
        if isinstance(spec, tf.io.FixedLenFeature):
            feature.shape.dim.add(size=1)
        else:
            feature.value_count.min = 0
        if spec.dtype == tf.float32:
            feature.type = schema_pb2.FLOAT
            if key not in numeric:
                assert key == _LABEL, key
                feature.float_domain.min, feature.float_domain.max = 0.0, 1.0
        else:
            feature.type = schema_pb2.INT
            feature.int_domain.min = 0
    return schema
