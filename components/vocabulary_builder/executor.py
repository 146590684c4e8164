"""Counts ids and writes the vocabularies as a TFX executor."""

from __future__ import annotations

from typing import Any

import apache_beam as beam
from tfx import types
from tfx.dsl.components.base import base_beam_executor
from tfx.types import artifact_utils
from tfx.types import standard_component_specs as specs
from tfx.utils import io_utils
from tfx_bsl.public import tfxio

from lifelong.components.item_table.executor import ITEM_TABLE_KEY
from lifelong.components.log_reading.counting import SumCounts, WriteCounts, read_counts
from lifelong.components.vocabulary_builder.config import VocabularyConfig
from lifelong.components.vocabulary_builder.counting import WriteVocabularies
from lifelong.components.vocabulary_builder.item_values import add_item_values
from lifelong.data.logs.counts import Counts
from lifelong.models.vocabulary_files import vocabulary_names

CONFIG_KEY = "config"
PREVIOUS_KEY = "previous"
VOCABULARIES_KEY = "vocabularies"


class Executor(base_beam_executor.BaseBeamExecutor):
    """Writes which ids have rows, in the places that the previous vocabularies gave them."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Counts and writes; see `VocabularyBuilder` for inputs, properties and output."""
        output = artifact_utils.get_single_instance(output_dict[VOCABULARIES_KEY])
        before = input_dict.get(PREVIOUS_KEY)
        previous = artifact_utils.get_single_uri(before) if before else None
        config = VocabularyConfig.from_json(exec_properties[CONFIG_KEY])
        with self._make_beam_pipeline() as pipeline:
            counts = (
                pipeline
                | "ReadRecords" >> _records(input_dict, exec_properties["split"])
                | WriteVocabularies(config, output.uri, previous)
            )
            _ = (counts,) | SumCounts() | WriteCounts(output.uri)
        counts = read_counts(output.uri)
        tables = input_dict.get(ITEM_TABLE_KEY)
        if tables:
            table = artifact_utils.get_single_uri(tables)
            counts.update(add_item_values(config, table, output.uri, previous))
        print(f"Vocabularies:\n{_summary(counts, config)}", flush=True)
        for name in vocabulary_names(config.all_features):
            output.set_int_custom_property(name, counts[f"{name}/known"])


def _records(input_dict: dict[str, list[types.Artifact]], split: str) -> beam.PTransform:
    folder = artifact_utils.get_split_uri(input_dict[specs.EXAMPLES_KEY], split)
    schema_folder = artifact_utils.get_single_uri(input_dict[specs.SCHEMA_KEY])
    schema = io_utils.SchemaReader().read(io_utils.get_only_uri_in_dir(schema_folder))
    records = tfxio.TFExampleRecord(
        f"{folder}/*", schema=schema, telemetry_descriptors=["VocabularyBuilder"]
    )
    return records.BeamSource()


def _summary(counts: Counts, config: VocabularyConfig) -> str:
    lines = []
    for name in vocabulary_names(config.all_features):
        known, new, rare = (counts[f"{name}/{what}"] for what in ("known", "new", "too_rare"))
        line = f"  {name}: {known:,} known"
        if new != known:
            line += f", {new:,} of them new"
        if rare:
            line += f"; {rare:,} occur less than {config.least_count(name)} times and are unknown"
        lines.append(line)
    return "\n".join(lines)
