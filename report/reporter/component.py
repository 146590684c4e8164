"""The Reporter component: what a run has made in, the page about it out."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence

from tfx import types
from tfx.dsl.components.base import base_component, base_node, executor_spec
from tfx.types import component_spec, standard_artifacts

from lifelong.pipeline.config import Config
from lifelong.report.lineage_section import without_secrets
from lifelong.report.reporter.executor import CONFIG_KEY, PAGE_KEY, REPORTED, Executor
from lifelong_artifacts import (
    DayStatistics,
    ItemTable,
    Quarantine,
    ReportPage,
    Vocabularies,
)

_TYPES: dict[str, type[types.Artifact]] = {
    "baked_model": standard_artifacts.Model,
    "day_statistics": DayStatistics,
    "evaluation": standard_artifacts.ModelEvaluation,
    "examples": standard_artifacts.Examples,
    "item_table": ItemTable,
    "model": standard_artifacts.Model,
    "model_run": standard_artifacts.ModelRun,
    "pushed_model": standard_artifacts.PushedModel,
    "quarantine": Quarantine,
    "serving_blessing": standard_artifacts.InfraBlessing,
    "transform_graph": standard_artifacts.TransformGraph,
    "transformed_examples": standard_artifacts.Examples,
    "vocabularies": Vocabularies,
}


class ReporterSpec(types.ComponentSpec):
    """Inputs, parameter and output of the Reporter."""

    PARAMETERS = {CONFIG_KEY: component_spec.ExecutionParameter(type=str)}
    INPUTS = {
        key: component_spec.ChannelParameter(type=kind, optional=key == "item_table")
        for key, kind in _TYPES.items()
    }
    OUTPUTS = {PAGE_KEY: component_spec.ChannelParameter(type=ReportPage)}


class Reporter(base_component.BaseComponent):
    """Writes the page about a run.

    It comes last: a run that failed has none, one whose model was not good enough has one that says
    so. `lifelong run` needs no such task, and tells of runs that failed, too.

    Outputs:
        report_page: A `ReportPage`.

    Args:
        config: The run's configuration. It becomes part of the metadata, without the password of the
            store's address.
        outputs: Channels by name of the component and output key; at least those of `REPORTED`, but
            for the item table, which some runs do not have.
    """

    SPEC_CLASS = ReporterSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self, config: Config, outputs: Mapping[tuple[str, str], types.BaseChannel]
    ) -> None:
        store = dataclasses.replace(
            config.store, destination=without_secrets(config.store.destination)
        )
        told = dataclasses.asdict(dataclasses.replace(config, store=store))
        super().__init__(
            ReporterSpec(
                config=json.dumps(told, sort_keys=True),
                report_page=types.Channel(type=ReportPage),
                **{key: outputs[of] for key, of in REPORTED.items() if of in outputs},
            )
        )


def reporters(config: Config, components: Sequence[base_node.BaseNode]) -> list[Reporter]:
    """Returns what comes after all other components of a pipeline on a cluster.

    Args:
        config: The pipeline's configuration.
        components: The others.

    Returns:
        The Reporter, unless the configuration wants no page (`report.write`).
    """
    if not config.report.write:
        return []
    outputs = {
        (component.id, key): channel
        for component in components
        for key, channel in component.outputs.items()
    }
    return [Reporter(config, outputs)]
