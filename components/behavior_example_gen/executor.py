"""Runs the ingestion as a TFX executor."""

from __future__ import annotations

from typing import Any

import apache_beam as beam
from absl import logging
from tfx import types
from tfx.components.example_gen import base_example_gen_executor
from tfx.types import artifact_utils
from tfx.types import standard_component_specs as specs
from tfx.utils import proto_utils
from tfx.v1 import proto

from lifelong.components.behavior_example_gen import report
from lifelong.components.behavior_example_gen.config import IngestConfig
from lifelong.components.behavior_example_gen.transforms import Ingest
from lifelong.components.day_statistics.executor import DAY_STATISTICS_KEY
from lifelong.components.log_reading.counting import COUNTS, WriteCounts, read_counts
from lifelong.components.log_reading.quarantine import (
    QUARANTINE_KEY,
    WriteBadRows,
    read_bad_rows,
    tell_warnings,
)
from lifelong.components.log_reading.read_logs import BAD
from lifelong.data.keys import SPLITS
from lifelong.data.logs import counts as counted

CONFIG_KEY = "config"


def output_config() -> proto.Output:
    """Returns what names the output splits; the buckets have no meaning here."""
    splits = [proto.SplitConfig.Split(name=name, hash_buckets=1) for name in SPLITS]
    return proto.Output(split_config=proto.SplitConfig(splits=splits))


class Executor(base_example_gen_executor.BaseExampleGenExecutor):
    """Writes per-user records by split, and the quarantine with the counts."""

    def GetInputSourceToExamplePTransform(self) -> beam.PTransform:
        """Is not used: the logs are read together, not each input split by itself."""
        raise NotImplementedError("GenerateExamplesByBeam reads all logs at once")

    def GenerateExamplesByBeam(
        self, pipeline: beam.Pipeline, exec_properties: dict[str, Any]
    ) -> dict[str, beam.PCollection]:
        """Returns the records of each split and writes the quarantine.

        Args:
            pipeline: Beam pipeline.
            exec_properties: With the configuration as JSON under `config`.
        """
        config = IngestConfig.from_json(exec_properties[CONFIG_KEY])
        made = pipeline | "Ingest" >> Ingest(config, self._day_statistics)
        _ = made[BAD] | "WriteBadRows" >> WriteBadRows(self._quarantine)
        _ = made[COUNTS] | "WriteCounts" >> WriteCounts(self._quarantine)
        return {split: made[split] for split in SPLITS}

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Reads the logs and writes the artifacts.

        Args:
            input_dict: `day_statistics`: counts of the behaviour log.
            output_dict: `examples`: records of the splits train, validation and eval; `quarantine`:
                rows that could not be used (JSON lines), `counts.json` and `warnings.json`.
            exec_properties: `config`, and what every file-based ExampleGen has.

        Raises:
            ValueError: A log cannot be read, has too many bad rows or does not fit the others, or a
                split cannot be trained or judged on.
        """
        config = IngestConfig.from_json(exec_properties[CONFIG_KEY])
        quarantine = artifact_utils.get_single_instance(output_dict[QUARANTINE_KEY])
        self._quarantine = quarantine.uri
        self._day_statistics = artifact_utils.get_single_uri(input_dict[DAY_STATISTICS_KEY])
        # TFX lets one input have several output splits, but not several inputs; that is a rule for
        # its own readers, which the driver's fingerprint of every log must not break.
        one_input = proto.Input(splits=[proto.Input.Split(name="logs", pattern="*")])
        super().Do(
            input_dict,
            output_dict,
            {
                **exec_properties,
                specs.INPUT_CONFIG_KEY: proto_utils.proto_to_json(one_input),
                specs.OUTPUT_CONFIG_KEY: proto_utils.proto_to_json(output_config()),
            },
        )
        counts = read_counts(quarantine.uri)
        print(f"Ingestion:\n{counted.summary(counts)}", flush=True)
        warnings = report.check(counts, config, read_bad_rows(quarantine.uri))
        tell_warnings(quarantine.uri, warnings)
        for log in config.logs:
            quarantine.set_int_custom_property(f"{log}_rows", counts.get(f"{log}/rows", 0))
            quarantine.set_int_custom_property(f"{log}_bad_rows", counted.bad_rows(counts, log))
        logging.info("Ingestion counts and bad rows lie in %s", quarantine.uri)
