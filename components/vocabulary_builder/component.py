"""The VocabularyBuilder component: training records in, rows of ids out."""

from __future__ import annotations

from tfx import types
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import component_spec, standard_artifacts
from tfx.types import standard_component_specs as specs

from lifelong.components.item_table.executor import ITEM_TABLE_KEY
from lifelong.components.vocabulary_builder.config import VocabularyConfig
from lifelong.components.vocabulary_builder.executor import (
    CONFIG_KEY,
    PREVIOUS_KEY,
    VOCABULARIES_KEY,
    Executor,
)
from lifelong.data.keys import TRAIN
from lifelong_artifacts import ItemTable, Vocabularies


class VocabularyBuilderSpec(types.ComponentSpec):
    """Inputs, parameters and outputs of VocabularyBuilder."""

    PARAMETERS = {
        CONFIG_KEY: component_spec.ExecutionParameter(type=str),
        "split": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {
        specs.EXAMPLES_KEY: component_spec.ChannelParameter(type=standard_artifacts.Examples),
        specs.SCHEMA_KEY: component_spec.ChannelParameter(type=standard_artifacts.Schema),
        ITEM_TABLE_KEY: component_spec.ChannelParameter(type=ItemTable, optional=True),
        PREVIOUS_KEY: component_spec.ChannelParameter(type=Vocabularies, optional=True),
    }
    OUTPUTS = {VOCABULARIES_KEY: component_spec.ChannelParameter(type=Vocabularies)}


class VocabularyBuilder(base_beam_component.BaseBeamComponent):
    """Decides which ids have rows of their own in the model's tables, and which rows.

    Ids of the previous vocabularies keep their rows, whatever their counts; new ones that are
    frequent enough follow them. Numeric features are standardised as the previous vocabularies had
    it. So a trained model can be trained on, with tables that have grown. Without previous
    vocabularies the most frequent id comes first.

    Outputs:
        vocabularies: `Vocabularies`.

    Args:
        examples: Raw per-user records.
        schema: Their schema.
        config: What they hold.
        item_table: What `ItemTableBuilder` wrote, if there are features of items.
        previous: Vocabularies of the model that is trained on; None: there is none.
        split: The training split.

    Example:
        vocabulary = VocabularyBuilder(
            examples=example_gen.outputs["examples"],
            schema=schema_gen.outputs["schema"],
            config=VocabularyConfig(min_count=10),
        )
    """

    SPEC_CLASS = VocabularyBuilderSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        schema: types.BaseChannel,
        config: VocabularyConfig,
        item_table: types.BaseChannel | None = None,
        previous: types.BaseChannel | None = None,
        split: str = TRAIN,
    ) -> None:
        super().__init__(
            VocabularyBuilderSpec(
                examples=examples,
                schema=schema,
                item_table=item_table,
                previous=previous,
                config=config.to_json(),
                split=split,
                vocabularies=types.Channel(type=Vocabularies),
            )
        )
