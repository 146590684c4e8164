"""Bytes of the records on disk, and how they depend on the length of the window."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path

import apache_beam as beam

from benchmarks.ingestion import count_days
from lifelong.components.behavior_example_gen.config import IngestConfig
from lifelong.components.behavior_example_gen.transforms import Ingest
from lifelong.components.local_runner import LocalRunner
from lifelong.data.datasets import complete_journey
from lifelong.data.keys import SPLITS
from lifelong.pipeline.default_data import default_ingestion

SHORT_LENGTH = 50
LONG_LENGTHS = (256, 1_024, 4_096)


def measure_disk() -> list[str]:
    """Writes The Complete Journey's records for several L as the pipeline does, gzipped."""
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        prepared = complete_journey.prepare(folder)
        day_statistics = str(Path(folder) / "days")
        count_days(default_ingestion(prepared.behaviors), day_statistics)
        for long_length in LONG_LENGTHS:
            config = dataclasses.replace(
                default_ingestion(prepared.behaviors),
                window=SHORT_LENGTH + long_length,
            )
            size, stored = _write(config, day_statistics, Path(folder) / str(long_length))
            lines.append(
                f"disk, L = {long_length:,}: {size / 1e6:.1f} MB for {stored['events']:,} events "
                f"and {stored['requests']:,} requests, "
                f"{size / (stored['events'] + stored['requests']):.2f} bytes each"
            )
    return lines


def _write(config: IngestConfig, day_statistics: str, folder: Path) -> tuple[int, dict[str, int]]:
    """Returns the bytes written, and the events and requests in them."""
    pipeline = beam.Pipeline(LocalRunner())
    made = pipeline | Ingest(config, day_statistics)
    for split in SPLITS:
        _ = made[split] | f"Write[{split}]" >> beam.io.WriteToTFRecord(
            str(folder / split), file_name_suffix=".gz"
        )
    result = pipeline.run()
    result.wait_until_finish()
    counts = {c.key.metric.name: c.committed for c in result.metrics().query()["counters"]}
    stored = {
        kind: sum(counts[f"{split}/{kind}"] for split in SPLITS) for kind in ("events", "requests")
    }
    return sum(path.stat().st_size for path in folder.glob("*.gz")), stored
