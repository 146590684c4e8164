"""The TFX component."""

from __future__ import annotations

from collections.abc import Mapping

from tfx import types
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import component_spec, standard_artifacts
from tfx.types import standard_component_specs as specs

from lifelong.components.behavior_example_gen.config import IngestConfig
from lifelong.components.behavior_example_gen.executor import CONFIG_KEY, Executor
from lifelong.components.day_statistics.executor import DAY_STATISTICS_KEY
from lifelong.components.log_reading.fingerprints import fingerprint_spec, fingerprints_of
from lifelong.components.log_reading.quarantine import QUARANTINE_KEY
from lifelong.components.run_parameter import Parameter
from lifelong_artifacts import DayStatistics, Quarantine


class BehaviorExampleGenSpec(types.ComponentSpec):
    """A configuration, what the tables it names are like, and the statistics."""

    PARAMETERS = {
        **fingerprint_spec("behaviors", "impressions", "users", "items"),
        CONFIG_KEY: component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {DAY_STATISTICS_KEY: component_spec.ChannelParameter(type=DayStatistics)}
    OUTPUTS = {
        specs.EXAMPLES_KEY: component_spec.ChannelParameter(type=standard_artifacts.Examples),
        QUARANTINE_KEY: component_spec.ChannelParameter(type=Quarantine),
    }


class BehaviorExampleGen(base_beam_component.BaseBeamComponent):
    """Turns behaviour and impression logs into one record per user and split.

    The component runs again when one of the tables, or what the configuration says of them, changes,
    and only then.

    Outputs:
        examples: `tf.train.Example`s (gzipped TFRecord) in the splits train, validation and eval.
        quarantine: Rows that could not be used, and counts of everything read and written.

    Args:
        config: What to read and make.
        day_statistics: What `DayStatisticsBuilder` counted in the same behaviour log.
        fingerprints: Of the tables, by name.

    Raises:
        ValueError: The configuration's parts do not fit together.
    """

    SPEC_CLASS = BehaviorExampleGenSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        config: IngestConfig,
        day_statistics: types.BaseChannel,
        fingerprints: Mapping[str, Parameter],
    ) -> None:
        config.validate()
        config = config.of_records
        super().__init__(
            BehaviorExampleGenSpec(
                **fingerprints_of(config.tables, fingerprints),
                config=config.to_json(),
                day_statistics=day_statistics,
                examples=types.Channel(type=standard_artifacts.Examples),
                quarantine=types.Channel(type=Quarantine),
            )
        )
