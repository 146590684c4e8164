"""The beginning of every Beam transform over logs: rows, read in parallel and divided into shards."""

from __future__ import annotations

import collections
import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
from apache_beam.utils.shared import Shared

from lifelong.components.log_reading.counting import COUNTS, CountingDoFn
from lifelong.data import columns as cols
from lifelong.data.logs import reading
from lifelong.data.logs.config import LogConfig
from lifelong.data.logs.counts import Counts
from lifelong.data.logs.fields import Field
from lifelong.data.logs.format import LogFile
from lifelong.data.logs.item_categories import ItemCategories
from lifelong.data.logs.reading import ReadTask

BLOCKS, BAD = "blocks", "bad"
# Gives each user or item (`[n]` ids) the number of a shard.
ShardOf = Callable[[np.ndarray], np.ndarray]


class Table(NamedTuple):
    """A log, and what is read of it.

    Attributes:
        log: Where it lies and how it is written.
        fields: What to read.
        divided_by: Key of the ids by which rows are divided into shards.
    """

    log: LogConfig
    fields: list[Field]
    divided_by: str = "user"


class ReadLogs(beam.PTransform):
    """Reads logs and divides their rows into shards, of whole users unless a table says otherwise.

    Applied to a pipeline, it returns PCollections: under `BLOCKS` (number of the shard, (name of
    the log, packed block of rows)); under `BAD` unusable rows as JSON text; under `COUNTS` counts
    of rows read, bad and missing values.
    """

    def __init__(
        self,
        tables: Mapping[str, Table],
        shard_of: ShardOf,
        namespace: str,
        categories: LogConfig | None = None,
    ):
        """Finds the files and checks their columns.

        Args:
            tables: The logs by name.
            shard_of: Divides users, or what else a table is divided by.
            namespace: Of the metrics.
            categories: The item table, if it tells categories: those that a log does not have, and
                those that a log's own are compared with.

        Raises:
            ValueError: A file cannot be used.
            FileNotFoundError: A glob matches no file.
        """
        super().__init__()
        self._read = _Read(tables, shard_of, namespace, categories)
        self._logs = {name: table.log for name, table in tables.items()}
        self._files = [
            (name, file)
            for name, table in tables.items()
            for file in reading.log_files(table.log, table.fields, name)
        ]

    def expand(self, pipeline: beam.Pipeline) -> Any:
        """Builds the graph."""
        return (
            pipeline
            | "Files" >> beam.Create(self._files)
            | "PlanReading" >> beam.FlatMap(_plan, self._logs)
            | "SpreadReading" >> beam.Reshuffle()
            | "Read" >> beam.ParDo(self._read).with_outputs(BAD, COUNTS, main=BLOCKS)
        )


def _plan(
    element: tuple[str, LogFile], logs: Mapping[str, LogConfig]
) -> Iterator[tuple[str, ReadTask]]:
    name, file = element
    for task in reading.read_tasks(file, logs[name]):
        yield name, task


@beam.typehints.with_output_types(beam.typehints.Tuple[int, beam.typehints.Any])
class _Read(CountingDoFn):
    """Reads part of a file and divides its rows into shards."""

    def __init__(
        self,
        tables: Mapping[str, Table],
        shard_of: ShardOf,
        namespace: str,
        item_table: LogConfig | None,
    ):
        super().__init__(namespace)
        self._tables = dict(tables)
        self._shard_of = shard_of
        self._item_table = item_table
        # One of each worker process, however many threads it has.
        self._shared = Shared()
        self._categories: ItemCategories | None = None

    def setup(self) -> None:
        if self._item_table is not None:
            table = self._item_table
            self._categories = self._shared.acquire(lambda: ItemCategories.read(table))

    def process(self, element: tuple[str, ReadTask]) -> Iterator[Any]:
        name, task = element
        log, fields, divided_by = self._tables[name]
        counts: Counts = collections.Counter()
        has_category = any(field.key == "category" and field.is_in_log for field in fields)
        for batch in reading.read_blocks(task, log, fields, self._categories):
            if self._categories is not None and has_category:
                others = self._categories.count_others(batch.block)
                counts[f"{name}/category_not_of_item_table"] += others
            counts[f"{name}/rows"] += cols.length(batch.block) + len(batch.bad)
            for row in batch.bad:
                counts[f"{name}/bad_rows/{row.reason}"] += 1
                text = json.dumps({"log": name, **dataclasses.asdict(row)})
                yield beam.pvalue.TaggedOutput(BAD, text)
            for key, number in batch.missing.items():
                counts[f"{name}/missing/{key}"] += number
            numbers = self._shard_of(batch.block[divided_by])
            for number, block in cols.split_by(cols.pack(batch.block), numbers):
                yield number, (name, block)
        yield self.count(counts)
