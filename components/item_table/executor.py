"""Makes an item table as a TFX executor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_beam_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils

from lifelong.components.item_table.config import ItemTableConfig
from lifelong.components.item_table.transforms import PART_SUFFIX, TABLE, MakeParts
from lifelong.components.log_reading.counting import COUNTS, WriteCounts, read_counts
from lifelong.components.log_reading.quarantine import (
    QUARANTINE_KEY,
    WriteBadRows,
    read_bad_rows,
    tell_warnings,
)
from lifelong.components.log_reading.read_logs import BAD
from lifelong.data import item_table
from lifelong.data.columns import Columns
from lifelong.data.logs.counts import (
    Counts,
    bad_row_warnings,
    bad_rows,
    check_rows,
    check_values,
    summary,
)

CONFIG_KEY = "config"
ITEM_TABLE_KEY = "item_table"


class Executor(base_beam_executor.BaseBeamExecutor):
    """Writes the item table and the quarantine with the counts."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Reads the table as it is given and writes the artifacts.

        Args:
            input_dict: Nothing.
            output_dict: `item_table`: an `ItemTable`; `quarantine`: rows that could not be used (JSON
                lines), `counts.json` and `warnings.json`.
            exec_properties: `config`: an `ItemTableConfig` as JSON.

        Raises:
            ValueError: The table cannot be read, has too many bad rows or no usable one.
        """
        config = ItemTableConfig.from_json(exec_properties[CONFIG_KEY])
        table = artifact_utils.get_single_instance(output_dict[ITEM_TABLE_KEY])
        quarantine = artifact_utils.get_single_instance(output_dict[QUARANTINE_KEY])
        parts = f"{table.uri}/parts"
        fileio.makedirs(parts)
        with self._make_beam_pipeline() as pipeline:
            made = pipeline | "MakeParts" >> MakeParts(config, parts)
            _ = made[BAD] | "WriteBadRows" >> WriteBadRows(quarantine.uri)
            _ = made[COUNTS] | "WriteCounts" >> WriteCounts(quarantine.uri)
        counts = read_counts(quarantine.uri)
        print(f"Item table:\n{summary(counts)}", flush=True)
        check_rows(counts, TABLE, config.max_bad_share, read_bad_rows(quarantine.uri))
        if not counts[f"{TABLE}/items"]:
            raise ValueError("the table items has no usable row; correct its columns")
        check_values(counts, TABLE, config.fields)
        tell_warnings(quarantine.uri, list(_warnings(counts)))
        items = item_table.sorted_items(_read_parts(parts))
        item_table.write_items(items, item_table.items_path(table.uri))
        fileio.rmtree(parts)
        table.set_int_custom_property("items", counts[f"{TABLE}/items"])
        table.set_int_custom_property("rows", counts[f"{TABLE}/rows"])
        table.set_int_custom_property("bad_rows", bad_rows(counts, TABLE))


def _read_parts(folder: str) -> Iterator[Columns]:
    for path in fileio.glob(f"{folder}/*{PART_SUFFIX}"):
        yield dict(item_table.StoredItems(str(path)))


def _warnings(counts: Counts) -> Iterator[str]:
    yield from bad_row_warnings(counts, TABLE)
    contradictory = counts[f"{TABLE}/contradictory"]
    if contradictory:
        yield f"{contradictory:,} items stand in the table items with different values; one was taken"
