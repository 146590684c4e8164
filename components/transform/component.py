"""The Transform component, with the vocabularies as one more input."""

from __future__ import annotations

from typing import Any

from tfx import types
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import component_spec, standard_artifacts
from tfx.types import standard_component_specs as specs
from tfx.utils import json_utils
from tfx.v1 import proto

from lifelong.components.transform.executor import Executor
from lifelong.components.vocabulary_builder.executor import VOCABULARIES_KEY
from lifelong_artifacts import Vocabularies

_READ = (specs.EXAMPLES_KEY, specs.SCHEMA_KEY)
_WRITTEN = (specs.TRANSFORM_GRAPH_KEY, specs.TRANSFORMED_EXAMPLES_KEY)


class TransformSpec(types.ComponentSpec):
    """What the pipeline uses of TFX's Transform, and the vocabularies."""

    PARAMETERS = {
        key: specs.TransformSpec.PARAMETERS[key]
        for key in (
            specs.PREPROCESSING_FN_KEY,
            specs.SPLITS_CONFIG_KEY,
            specs.CUSTOM_CONFIG_KEY,
            specs.DISABLE_STATISTICS_KEY,
            specs.FORCE_TF_COMPAT_V1_KEY,
        )
    }
    INPUTS = {
        **{key: specs.TransformSpec.INPUTS[key] for key in _READ},
        VOCABULARIES_KEY: component_spec.ChannelParameter(type=Vocabularies),
    }
    OUTPUTS = {key: specs.TransformSpec.OUTPUTS[key] for key in _WRITTEN}


class Transform(base_beam_component.BaseBeamComponent):
    """TFX's Transform for a function that counts nothing: it is given the vocabularies.

    There are no statistics of the transformed examples (StatisticsGen has looked at the raw ones)
    and no cache of analyzers (there are none).

    Outputs:
        transform_graph: `TransformGraph`, the vocabularies' files included.
        transformed_examples: `Examples` of the given splits.

    Args:
        examples: Raw per-user records.
        schema: Their schema.
        vocabularies: What `VocabularyBuilder` wrote.
        preprocessing_fn: Full name of the function. Of `custom_config`, `vocabularies` is the path or
            URI of the artifact.
        splits: Splits to transform.
        custom_config: What else the function is given.

    Example:
        transform = Transform(
            examples=example_gen.outputs["examples"],
            schema=schema_gen.outputs["schema"],
            vocabularies=vocabulary_builder.outputs["vocabularies"],
            preprocessing_fn="lifelong.models.preprocessing.preprocessing_fn",
            splits=["train", "validation"],
            custom_config={"features": []},
        )
    """

    SPEC_CLASS = TransformSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        schema: types.BaseChannel,
        vocabularies: types.BaseChannel,
        preprocessing_fn: str,
        splits: list[str],
        custom_config: dict[str, Any],
    ) -> None:
        super().__init__(
            TransformSpec(
                examples=examples,
                schema=schema,
                vocabularies=vocabularies,
                preprocessing_fn=preprocessing_fn,
                # Nothing is analysed, but TFX wants a split for it.
                splits_config=proto.SplitsConfig(analyze=splits[:1], transform=splits),
                custom_config=json_utils.dumps(custom_config),
                disable_statistics=1,
                force_tf_compat_v1=0,
                transform_graph=types.Channel(type=standard_artifacts.TransformGraph),
                transformed_examples=types.Channel(type=standard_artifacts.Examples),
            )
        )
