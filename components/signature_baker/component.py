"""The SignatureBaker component: a trained model in, a baked and proven SavedModel out."""

from __future__ import annotations

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import component_spec, standard_artifacts

from lifelong.components.day_statistics.executor import DAY_STATISTICS_KEY
from lifelong.components.item_table.executor import ITEM_TABLE_KEY
from lifelong.components.signature_baker.executor import Executor
from lifelong.models.config import ExportConfig
from lifelong_artifacts import DayStatistics, ItemTable


class SignatureBakerSpec(types.ComponentSpec):
    """Inputs, parameters and outputs of SignatureBaker."""

    PARAMETERS = {
        "split": component_spec.ExecutionParameter(type=str),
        "proof_requests": component_spec.ExecutionParameter(type=int),
        "tolerance": component_spec.ExecutionParameter(type=float),
        "export": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {
        "model": component_spec.ChannelParameter(type=standard_artifacts.Model),
        "transform_graph": component_spec.ChannelParameter(type=standard_artifacts.TransformGraph),
        "examples": component_spec.ChannelParameter(type=standard_artifacts.Examples),
        DAY_STATISTICS_KEY: component_spec.ChannelParameter(type=DayStatistics),
        ITEM_TABLE_KEY: component_spec.ChannelParameter(type=ItemTable, optional=True),
    }
    OUTPUTS = {
        "baked_model": component_spec.ChannelParameter(type=standard_artifacts.Model),
    }


class SignatureBaker(base_component.BaseComponent):
    """Computes what a search needs of every item once and writes a SavedModel that looks it up.

    For `eta` that is one int64 table `[items, W]` of signatures, and the SavedModel holds no hashing
    of item embeddings; for `sim_soft`, projected vectors, signatures or the index. The component
    refuses to emit a model whose scores differ from the trained model's on real requests. A model
    without tables passes through the same proof; of `sim_soft` served by an approximate search, and
    of embeddings that are served in fewer bits, the difference is only noted, and the Evaluator
    judges what it costs.

    The output artifact's custom properties tell `baked_table_bytes`, `baking_seconds`,
    `largest_score_difference`, `proof_requests` and `trained_model_uri`.

    Args:
        model: The Trainer's model.
        transform_graph: Transform's graph.
        examples: Raw per-user records.
        day_statistics: What `DayStatisticsBuilder` wrote; the newest counts become a table of the model.
        split: Split whose requests prove that the scores agree.
        proof_requests: Number of those requests.
        tolerance: Largest difference between a baked and an unbaked score that is let through.
        export: Types of the embedding tables, compilation, calibration; by default as trained.
        item_table: Features of items, which the model looks up; None: it reads none.

    Example:
        baker = SignatureBaker(
            model=trainer.outputs["model"],
            transform_graph=transform.outputs["transform_graph"],
            examples=example_gen.outputs["examples"],
            day_statistics=statistics_builder.outputs["day_statistics"],
        )
    """

    SPEC_CLASS = SignatureBakerSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        model: types.BaseChannel,
        transform_graph: types.BaseChannel,
        examples: types.BaseChannel,
        day_statistics: types.BaseChannel,
        split: str = "eval",
        proof_requests: int = 512,
        tolerance: float = 1e-5,
        export: ExportConfig | None = None,
        item_table: types.BaseChannel | None = None,
    ) -> None:
        super().__init__(
            SignatureBakerSpec(
                model=model,
                transform_graph=transform_graph,
                examples=examples,
                day_statistics=day_statistics,
                item_table=item_table,
                split=split,
                proof_requests=proof_requests,
                tolerance=tolerance,
                export=(export or ExportConfig()).to_json(),
                baked_model=types.Channel(type=standard_artifacts.Model),
            )
        )
