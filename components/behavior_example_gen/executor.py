"""Runs the ingestion as a TFX executor."""

from __future__ import annotations

from typing import Any

from absl import logging
from tfx import types
from tfx.components.example_gen import write_split
from tfx.components.util import examples_utils
from tfx.dsl.components.base import base_beam_executor
from tfx.types import artifact_utils
from tfx.types import standard_component_specs as specs
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
# As TFX names it.
_FILE_FORMAT = "tfrecords_gzip"


class Executor(base_beam_executor.BaseBeamExecutor):
    """Writes per-user records by split, and the quarantine with the counts."""

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
            exec_properties: `config`: an `IngestConfig` as JSON; fingerprints of the tables.

        Raises:
            ValueError: A log cannot be read, has too many bad rows or does not fit the others, or a
                split cannot be trained or judged on.
        """
        config = IngestConfig.from_json(exec_properties[CONFIG_KEY])
        quarantine = artifact_utils.get_single_instance(output_dict[QUARANTINE_KEY])
        statistics = artifact_utils.get_single_uri(input_dict[DAY_STATISTICS_KEY])
        examples = artifact_utils.get_single_instance(output_dict[specs.EXAMPLES_KEY])
        examples.split_names = artifact_utils.encode_split_names(list(SPLITS))
        examples_utils.set_payload_format(examples, proto.PayloadFormat.FORMAT_TF_EXAMPLE)
        examples_utils.set_file_format(examples, _FILE_FORMAT)
        with self._make_beam_pipeline() as pipeline:
            made = pipeline | "Ingest" >> Ingest(config, statistics)
            _ = made[BAD] | "WriteBadRows" >> WriteBadRows(quarantine.uri)
            _ = made[COUNTS] | "WriteCounts" >> WriteCounts(quarantine.uri)
            for split in SPLITS:
                folder = artifact_utils.get_split_uri([examples], split)
                _ = made[split] | f"Write[{split}]" >> write_split.WriteSplit(folder, _FILE_FORMAT)
        counts = read_counts(quarantine.uri)
        print(f"Ingestion:\n{counted.summary(counts)}", flush=True)
        warnings = report.check(counts, config, read_bad_rows(quarantine.uri))
        tell_warnings(quarantine.uri, warnings)
        for log in config.logs:
            quarantine.set_int_custom_property(f"{log}_rows", counts.get(f"{log}/rows", 0))
            quarantine.set_int_custom_property(f"{log}_bad_rows", counted.bad_rows(counts, log))
        logging.info("Ingestion counts and bad rows lie in %s", quarantine.uri)
