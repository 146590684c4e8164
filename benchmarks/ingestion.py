"""Measures ingestion in memory: Parquet in, serialised per-user records out."""

from __future__ import annotations

import dataclasses
import pathlib
import tempfile

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.timing import paired_medians
from lifelong.components.behavior_example_gen.config import IngestConfig
from lifelong.components.behavior_example_gen.transforms import Ingest
from lifelong.components.day_statistics.config import DayStatisticsConfig
from lifelong.components.day_statistics.transforms import CountDays
from lifelong.components.local_runner import LocalRunner
from lifelong.data.datasets.complete_journey import ROW_GROUP
from lifelong.data.keys import SPLITS
from lifelong.pipeline.default_data import default_ingestion

USERS, ITEMS, CATEGORIES = 2_000, 50_000, 300
YEAR_2017, YEAR = 1_483_228_800, 365 * 24 * 3600


def run(events: int = 1_500_000, repeats: int = 3) -> dict[str, float]:
    """Measures the whole Beam transform and a plain process that only groups and sorts.

    The transform reads, groups by user, orders, makes a request of each basket, samples negatives,
    splits and serialises; the plain process reads with PyArrow and groups and orders with NumPy.
    A second log has as many events, two thirds of them of one user.

    Args:
        events: Rows of the generated log.
        repeats: Runs of each; the median counts.

    Returns:
        Events a second of both (`ingestion_events_per_s`, `plain_events_per_s`), their `ratio`, the
        requests that the transform made, and the same of the second log (`hot_...`); and events a
        second of counting the statistics of days before (`statistics_events_per_s`).
    """
    with tempfile.TemporaryDirectory() as folder:
        path, hot_path = (pathlib.Path(folder) / name for name in ("log.parquet", "hot.parquet"))
        pq.write_table(_log(events), path, row_group_size=ROW_GROUP)
        pq.write_table(_log(events, hot_share=2 / 3), hot_path, row_group_size=ROW_GROUP)
        config, hot = (
            dataclasses.replace(default_ingestion(log), max_events_per_record=100_000)
            for log in (path, hot_path)
        )
        counted, hot_counted = (str(pathlib.Path(folder) / name) for name in ("days", "hot_days"))
        count_days(config, counted)
        count_days(hot, hot_counted)
        requests, hot_requests = _transform(config, counted), _transform(hot, hot_counted)
        actions = {
            "ingestion": lambda: _transform(config, counted),
            "hot": lambda: _transform(hot, hot_counted),
            "statistics": lambda: count_days(config, counted),
            "plain": lambda: _plain(path),
        }
        seconds = paired_medians(actions, repeats, warm_up=1)
    return {
        "events": events,
        "requests": requests,
        "ingestion_events_per_s": events / seconds["ingestion"],
        "plain_events_per_s": events / seconds["plain"],
        "ratio": seconds["plain"] / seconds["ingestion"],
        "statistics_events_per_s": events / seconds["statistics"],
        "hot_requests": hot_requests,
        "hot_events_per_s": events / seconds["hot"],
    }


def measure_ingestion() -> list[str]:
    """Returns the lines that `make bench` prints."""
    result = run()
    return [
        f"ingestion: {result['ingestion_events_per_s']:,.0f} events/s from Parquet to records "
        f"({result['events']:,} events, {result['requests']:,} requests with negatives)",
        f"ingestion: {result['plain_events_per_s']:,.0f} events/s in one plain PyArrow + NumPy "
        f"process that only groups; ratio {result['ratio']:.2f}",
        f"ingestion: {result['statistics_events_per_s']:,.0f} events/s are counted by item, category and "
        "day before that",
        f"ingestion: {result['hot_events_per_s']:,.0f} events/s where two thirds of the events are "
        f"one user's ({result['hot_requests']:,} requests)",
    ]


def _log(events: int, hot_share: float = 0) -> pa.Table:
    """Returns a year of baskets of about ten items; some users and items are far more frequent.

    Args:
        events: Number of rows.
        hot_share: Share of the baskets that are one user's.
    """
    random = np.random.default_rng(0)
    baskets = random.integers(0, events // 10, events)
    of_basket = (random.random(events // 10 + 1) ** 2 * USERS).astype(np.int64)
    of_basket[random.random(len(of_basket)) < hot_share] = USERS
    at = YEAR_2017 + random.integers(0, YEAR, events // 10 + 1)
    item = (random.random(events) ** 3 * ITEMS).astype(np.int64)
    names = pa.array([f"category {i}" for i in range(CATEGORIES)])
    return pa.table(
        {
            "user": of_basket[baskets],
            "item": item,
            "category": names.take(pa.array(item % CATEGORIES)),
            "timestamp": pa.array(at[baskets], pa.timestamp("s")),
        }
    )


def count_days(config: IngestConfig, folder: str) -> None:
    """Writes the statistics of a behaviour log, in the place of what the folder has."""
    pathlib.Path(folder).mkdir(exist_ok=True)
    with beam.Pipeline(LocalRunner()) as pipeline:
        _ = pipeline | CountDays(DayStatisticsConfig.of(config), folder)


def _transform(config: IngestConfig, day_statistics: str) -> int:
    """Makes all records, which nobody keeps, and returns the number of requests."""
    pipeline = beam.Pipeline(LocalRunner())
    _ = pipeline | Ingest(config, day_statistics)
    result = pipeline.run()
    result.wait_until_finish()
    wanted = [f"{split}/requests" for split in SPLITS]
    found = result.metrics().query()["counters"]
    return sum(c.committed for c in found if c.key.metric.name in wanted)


def _plain(path: pathlib.Path) -> None:
    table = pq.read_table(path, read_dictionary=["category"]).combine_chunks()
    category = table["category"].combine_chunks()
    columns = [table[name].to_numpy() for name in ("user", "timestamp", "item")]
    columns.append(category.indices.to_numpy())
    order = np.lexsort(columns[2::-1])
    columns = [column[order] for column in columns]
    np.split(columns[2], np.flatnonzero(np.diff(columns[0])) + 1)


if __name__ == "__main__":
    print(*measure_ingestion(), sep="\n")
