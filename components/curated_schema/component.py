"""The CuratedSchema component: the configured features in, the schema of records out."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import component_spec, standard_artifacts
from tfx.types import standard_component_specs as specs

from lifelong.components.curated_schema.executor import FEATURES_KEY, Executor
from lifelong.data.features import Feature


class CuratedSchemaSpec(types.ComponentSpec):
    """The features, and the schema."""

    PARAMETERS = {FEATURES_KEY: component_spec.ExecutionParameter(type=str)}
    INPUTS = {}
    OUTPUTS = {specs.SCHEMA_KEY: component_spec.ChannelParameter(type=standard_artifacts.Schema)}


class CuratedSchema(base_component.BaseComponent):
    """Writes the schema that ExampleValidator holds the records against.

    It follows from the configuration alone, so it is written where the pipeline runs: TFX's
    ImportSchemaGen would need a file that is there beforehand.

    Outputs:
        schema: `Schema`.

    Args:
        features: Extra features of the records.
    """

    SPEC_CLASS = CuratedSchemaSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, features: Sequence[Feature]) -> None:
        super().__init__(
            CuratedSchemaSpec(
                features=json.dumps([dataclasses.asdict(feature) for feature in features]),
                schema=types.Channel(type=standard_artifacts.Schema),
            )
        )
