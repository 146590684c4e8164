"""The Trainer component, with statistics and item table as more inputs."""

from __future__ import annotations

from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import component_spec, standard_artifacts
from tfx.types import standard_component_specs as specs
from tfx.utils import json_utils
from tfx.v1 import proto

from lifelong.components.day_statistics.executor import DAY_STATISTICS_KEY
from lifelong.components.item_table.executor import ITEM_TABLE_KEY
from lifelong.components.trainer.executor import Executor
from lifelong.components.vocabulary_builder.executor import VOCABULARIES_KEY
from lifelong_artifacts import DayStatistics, ItemTable, Vocabularies

_READ = (
    specs.EXAMPLES_KEY,
    specs.TRANSFORM_GRAPH_KEY,
    specs.SCHEMA_KEY,
    specs.BASE_MODEL_KEY,
)


class TrainerSpec(types.ComponentSpec):
    """What the pipeline uses of TFX's Trainer, and where counts and features of items come from."""

    PARAMETERS = {
        key: specs.TrainerSpec.PARAMETERS[key]
        for key in (
            specs.TRAIN_ARGS_KEY,
            specs.EVAL_ARGS_KEY,
            specs.RUN_FN_KEY,
            specs.CUSTOM_CONFIG_KEY,
        )
    }
    INPUTS = {
        **{key: specs.TrainerSpec.INPUTS[key] for key in _READ},
        DAY_STATISTICS_KEY: component_spec.ChannelParameter(type=DayStatistics),
        ITEM_TABLE_KEY: component_spec.ChannelParameter(type=ItemTable, optional=True),
        VOCABULARIES_KEY: component_spec.ChannelParameter(type=Vocabularies, optional=True),
    }
    OUTPUTS = specs.TrainerSpec.OUTPUTS


class Trainer(base_component.BaseComponent):
    """TFX's Trainer, whose function is also told where counts and features of items come from.

    Outputs:
        model: `Model`.
        model_run: `ModelRun`, logs of the training.

    Args:
        examples: Transformed records.
        transform_graph: Transform's graph.
        schema: Schema of the raw records.
        day_statistics: What `DayStatisticsBuilder` wrote.
        run_fn: Full name of the function. Of `custom_config`, `day_statistics`, `item_table` and
            `vocabularies` are the paths or URIs of the artifacts, where they are given.
        train_split: Split to train on.
        eval_split: Split that decides when to stop.
        custom_config: What else the function is given.
        base_model: The model that is trained on; None: a new one is trained.
        item_table: What `ItemTableBuilder` wrote; None: the model reads no features of items.
        vocabularies: What `VocabularyBuilder` wrote, of item features too; goes with `item_table`.
    """

    SPEC_CLASS = TrainerSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        transform_graph: types.BaseChannel,
        schema: types.BaseChannel,
        day_statistics: types.BaseChannel,
        run_fn: str,
        train_split: str,
        eval_split: str,
        custom_config: dict[str, Any],
        base_model: types.BaseChannel | None = None,
        item_table: types.BaseChannel | None = None,
        vocabularies: types.BaseChannel | None = None,
    ) -> None:
        super().__init__(
            TrainerSpec(
                examples=examples,
                transform_graph=transform_graph,
                schema=schema,
                day_statistics=day_statistics,
                base_model=base_model,
                item_table=item_table,
                vocabularies=vocabularies,
                run_fn=run_fn,
                train_args=proto.TrainArgs(splits=[train_split]),
                eval_args=proto.EvalArgs(splits=[eval_split]),
                custom_config=json_utils.dumps(custom_config),
                model=types.Channel(type=standard_artifacts.Model),
                model_run=types.Channel(type=standard_artifacts.ModelRun),
            )
        )
