"""The TFX component."""

from __future__ import annotations

from tfx import types
from tfx.components.example_gen import component as example_gen
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.proto import example_gen_pb2
from tfx.types import standard_artifacts
from tfx.types import standard_component_specs as specs
from tfx.v1 import proto

from lifelong.components.behavior_example_gen.config import IngestConfig
from lifelong.components.behavior_example_gen.executor import (
    CONFIG_KEY,
    Executor,
    output_config,
)
from lifelong.components.day_statistics.artifacts import DayStatistics
from lifelong.components.day_statistics.executor import DAY_STATISTICS_KEY
from lifelong.components.log_reading.driver import LogDriver
from lifelong.components.log_reading.inputs import inputs_of
from lifelong.components.log_reading.quarantine import QUARANTINE_KEY, Quarantine


class BehaviorExampleGenSpec(types.ComponentSpec):
    """That of a file-based ExampleGen, with a configuration, the statistics and the quarantine."""

    PARAMETERS = {
        **specs.FileBasedExampleGenSpec.PARAMETERS,
        CONFIG_KEY: types.component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {DAY_STATISTICS_KEY: types.component_spec.ChannelParameter(type=DayStatistics)}
    OUTPUTS = {
        **specs.FileBasedExampleGenSpec.OUTPUTS,
        QUARANTINE_KEY: types.component_spec.ChannelParameter(type=Quarantine),
    }


class BehaviorExampleGen(example_gen.FileBasedExampleGen):
    """Turns behaviour and impression logs into one record per user and split.

    A driver fingerprints the log files, so that the component runs again when one of them, or the
    configuration, changes, and only then. Where the platform brings a driver of its own (Kubeflow,
    Vertex), a file that was rewritten with the same size within the same second is not noticed.

    Outputs:
        examples: `tf.train.Example`s (gzipped TFRecord) in the splits train, validation and eval.
        quarantine: Rows that could not be used, and counts of everything read and written.
    """

    SPEC_CLASS = BehaviorExampleGenSpec  # type: ignore[assignment]
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)
    DRIVER_CLASS = LogDriver

    def __init__(self, config: IngestConfig, day_statistics: types.BaseChannel):
        """Makes the component.

        Args:
            config: What to read and make.
            day_statistics: What `DayStatisticsBuilder` counted in the same behaviour log.

        Raises:
            ValueError: The configuration's parts do not fit together.
        """
        config.validate()
        config = config.of_records
        base, input_config = inputs_of(config.tables)
        spec = BehaviorExampleGenSpec(
            input_base=base,
            input_config=input_config,
            output_config=output_config(),
            output_data_format=proto.PayloadFormat.FORMAT_TF_EXAMPLE,
            output_file_format=example_gen_pb2.FORMAT_TFRECORDS_GZIP,  # type: ignore[attr-defined]
            config=config.to_json(),
            day_statistics=day_statistics,
            examples=types.Channel(type=standard_artifacts.Examples),
            quarantine=types.Channel(type=Quarantine),
        )
        # FileBasedExampleGen's own constructor would make its own, fixed spec.
        base_beam_component.BaseBeamComponent.__init__(self, spec=spec)
