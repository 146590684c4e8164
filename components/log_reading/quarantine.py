"""How what could not be used of a log is written and read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import apache_beam as beam
from tfx.dsl.io import fileio

from lifelong.data.logs.counts import BAD_ROWS_PREFIX, BAD_ROWS_SUFFIX, WARNINGS_FILE

QUARANTINE_KEY = "quarantine"


class WriteBadRows(beam.PTransform):
    """Writes unusable rows as JSON lines.

    Args:
        folder: Path or URI of the quarantine.
    """

    def __init__(self, folder: str):
        super().__init__()
        self._prefix = f"{folder}/{BAD_ROWS_PREFIX}"

    def expand(self, rows: beam.PCollection) -> beam.PCollection:
        """Builds the graph."""
        return rows | beam.io.WriteToText(self._prefix, file_name_suffix=BAD_ROWS_SUFFIX)


def read_bad_rows(folder: str) -> Iterator[str]:
    """Yields what `WriteBadRows` wrote, one row as JSON text at a time."""
    for path in fileio.glob(f"{folder}/{BAD_ROWS_PREFIX}*{BAD_ROWS_SUFFIX}"):
        with fileio.open(path) as file:
            yield from file


def tell_warnings(folder: str, warnings: Sequence[str]) -> None:
    """Prints warnings and writes them into the quarantine."""
    for text in warnings:
        print(f"warning: {text}", flush=True)
    with fileio.open(f"{folder}/{WARNINGS_FILE}", "w") as file:
        file.write(json.dumps(warnings, indent=2))
