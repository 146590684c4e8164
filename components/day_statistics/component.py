"""The DayStatisticsBuilder component: a behaviour log in, counts by item, category and day out."""

from __future__ import annotations

from tfx import types
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import component_spec
from tfx.types import standard_component_specs as specs

from lifelong.components.day_statistics.artifacts import DayStatistics
from lifelong.components.day_statistics.config import DayStatisticsConfig
from lifelong.components.day_statistics.executor import CONFIG_KEY, DAY_STATISTICS_KEY, Executor
from lifelong.components.log_reading.inputs import inputs_of
from lifelong.components.log_reading.table_driver import TableDriver

_INPUTS = (specs.INPUT_BASE_KEY, specs.INPUT_CONFIG_KEY)


class DayStatisticsBuilderSpec(types.ComponentSpec):
    """What the driver fingerprints, and a configuration."""

    PARAMETERS = {
        **{key: specs.FileBasedExampleGenSpec.PARAMETERS[key] for key in _INPUTS},
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

    Example:
        builder = DayStatisticsBuilder(DayStatisticsConfig.of(ingest))
        example_gen = BehaviorExampleGen(ingest, builder.outputs["day_statistics"])
    """

    SPEC_CLASS = DayStatisticsBuilderSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)
    DRIVER_CLASS = TableDriver

    def __init__(self, config: DayStatisticsConfig) -> None:
        base, input_config = inputs_of(config.logs)
        super().__init__(
            DayStatisticsBuilderSpec(
                input_base=base,
                input_config=input_config,
                config=config.to_json(),
                day_statistics=types.Channel(type=DayStatistics),
            )
        )
