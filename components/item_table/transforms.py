"""The Beam transform: an item table as it is given in, sorted shards of distinct items out."""

from __future__ import annotations

import collections
import functools
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
from tfx.dsl.io import fileio

from lifelong.components.item_table.config import ItemTableConfig
from lifelong.components.log_reading.counting import COUNTS, CountingDoFn, SumCounts
from lifelong.components.log_reading.read_logs import BAD, BLOCKS, ReadLogs, Table
from lifelong.data import columns as cols
from lifelong.data.columns import Columns
from lifelong.data.hashing import shard_of
from lifelong.data.item_table import write_items
from lifelong.data.logs.counts import Counts

METRICS_NAMESPACE = "lifelong.item_table"
TABLE = "items"
PART_SUFFIX = ".parquet"


class MakeParts(beam.PTransform):
    """Reads an item table and writes its items to one file a shard, each item once.

    Of several rows of one item that contradict each other, the smallest is taken, so that the result
    does not depend on their order.

    Applied to a pipeline, it returns a dictionary of PCollections: under `BAD` unusable rows as JSON
    text; under `COUNTS` one with a single `Counter` of everything read, dropped and written.
    """

    def __init__(self, config: ItemTableConfig, folder: str):
        """Finds the files.

        Args:
            config: What to make.
            folder: Path or URI of the files.

        Raises:
            ValueError: A file cannot be used.
            FileNotFoundError: A glob matches no file.
        """
        super().__init__()
        table = Table(config.items, config.fields, divided_by="item")
        divide = functools.partial(shard_of, shards=config.shards)
        self._read = ReadLogs({TABLE: table}, divide, METRICS_NAMESPACE)
        self._write = _WritePart(folder)

    def expand(self, pipeline: beam.Pipeline) -> dict[str, beam.PCollection]:
        """Builds the graph."""
        read = pipeline | "ReadTable" >> self._read
        written = (
            read[BLOCKS]
            | "GroupItems" >> beam.GroupByKey()
            | "WriteParts" >> beam.ParDo(self._write).with_outputs(COUNTS)
        )
        counts = (read[COUNTS], written[COUNTS]) | "SumCounts" >> SumCounts()
        bad = read[BAD] | "TypedBad" >> beam.Map(str).with_output_types(str)
        return {BAD: bad, COUNTS: counts}


@beam.typehints.with_output_types(beam.typehints.Any)
class _WritePart(CountingDoFn):
    """Collapses the rows of each item of a shard and writes them."""

    def __init__(self, folder: str):
        super().__init__(METRICS_NAMESPACE)
        self._folder = folder

    def process(self, element: tuple[int, Iterable[tuple[str, Columns]]]) -> Iterator[Any]:
        number, parts = element
        block = cols.unpack(cols.concat([block for _, block in parts]))
        counts: Counts = collections.Counter()
        block, counts[f"{TABLE}/duplicates"] = cols.sort_and_dedupe(block, ("item",))
        first = cols.run_starts(block["item"])
        counts[f"{TABLE}/contradictory"] = cols.length(block) - len(first)
        counts[f"{TABLE}/items"] = len(first)
        # Under its name a file is whole, though a bundle of work is done twice.
        path = f"{self._folder}/part-{number}"
        write_items(cols.take(block, first), path)
        fileio.rename(path, f"{path}{PART_SUFFIX}", overwrite=True)
        yield self.count(counts)
