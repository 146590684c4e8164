"""The DayStatisticsBuilder component: a behaviour log in, counts by item, category and day out."""

from __future__ import annotations

from collections.abc import Mapping

from tfx import types
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import component_spec

from lifelong.components.day_statistics.config import DayStatisticsConfig
from lifelong.components.day_statistics.executor import CONFIG_KEY, DAY_STATISTICS_KEY, Executor
from lifelong.components.log_reading.fingerprints import fingerprint_spec, fingerprints_of
from lifelong.components.run_parameter import Parameter
from lifelong_artifacts import DayStatistics


class DayStatisticsBuilderSpec(types.ComponentSpec):
    """A configuration, and what the tables it names are like."""

    PARAMETERS = {
        **fingerprint_spec("behaviors", "items"),
        CONFIG_KEY: component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {}
    OUTPUTS = {DAY_STATISTICS_KEY: component_spec.ChannelParameter(type=DayStatistics)}


class DayStatisticsBuilder(base_beam_component.BaseBeamComponent):
    """Counts the events of all users by item, category and day, so that each request can be told them.

    It reads the behaviour log as BehaviorExampleGen does and counts what is in the records: distinct
    events, of all splits alike, as what a request is told is of the days before its own. Unusable rows
    are counted; BehaviorExampleGen, which reads the same rows, refuses a log that has too many, and its
    quarantine holds them.

    The component runs again when the log, or what the configuration says of it, changes, and only
    then; the splits and requests of the records are no part of that.

    Outputs:
        day_statistics: A `DayStatistics`.

    Args:
        config: What to count.
        fingerprints: Of the tables, by name.

    Example:
        builder = DayStatisticsBuilder(DayStatisticsConfig.of(ingest), fingerprints)
        example_gen = BehaviorExampleGen(
            ingest, builder.outputs["day_statistics"], fingerprints
        )
    """

    SPEC_CLASS = DayStatisticsBuilderSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(self, config: DayStatisticsConfig, fingerprints: Mapping[str, Parameter]) -> None:
        super().__init__(
            DayStatisticsBuilderSpec(
                **fingerprints_of(config.logs, fingerprints),
                config=config.to_json(),
                day_statistics=types.Channel(type=DayStatistics),
            )
        )
