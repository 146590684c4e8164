"""What was read: the log, the requests of each split, and what was set aside."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import tensorflow as tf

from lifelong.components.log_reading.noted import read_counts, read_warnings
from lifelong.data.keys import EVENTS_BEFORE_RECORD, REQUEST_EVENTS, SPLITS
from lifelong.models.reader import serialized_records
from lifelong.models.records import record_spec
from lifelong.report.charts import bars
from lifelong.report.page import Block, Facts, Figure, Notice, Paragraph, Section, Table, share
from lifelong.report.reported_run import ReportedRun

# Requests of a split whose histories are counted, and records parsed at a time.
_MOST_REQUESTS = 50_000
_RECORDS_TOGETHER = 256
# Each bucket holds its lower edge and not its upper one.
_EDGES = (0, 10, 30, 100, 300, 600, 1200, 2400, 4800)
_BAD_ROWS = "/bad_rows/"


def data_section(run: ReportedRun) -> Section:
    """Returns what the run read."""
    quarantine = run.uri("BehaviorExampleGen", "quarantine")
    counts = read_counts(quarantine)
    blocks: list[Block] = [Facts(_facts(run, counts)), _splits(counts)]
    lengths = {split: history_lengths(run.records(split)) for split in SPLITS}
    shares = {split: length_shares(values) for split, values in lengths.items()}
    drawn = {label for values in shares.values() for label, value in values if value}
    blocks.append(
        Figure(
            "Length of histories by split",
            "Share of a split's requests by how many events their users had before. Splits that look "
            "alike are judged alike; long histories are what the search is for"
            + _sampled(counts, lengths)
            + ".",
            bars(
                [
                    {"events": label, "share": value, "split": split}
                    for split, values in shares.items()
                    for label, value in values
                    if label in drawn
                ],
                ("events", "events before the request"),
                ("share", "share of requests"),
                "split",
            ),
        )
    )
    blocks += _set_aside(counts)
    warnings = read_warnings(quarantine)
    blocks += [Notice(text) for text in warnings] or [
        Paragraph("The ingestion found nothing odd in the data.")
    ]
    return Section("data", "Data", blocks)


def history_lengths(files: Sequence[str], most_requests: int = _MOST_REQUESTS) -> np.ndarray:
    """Counts the events that users had before their requests, those that no record holds too.

    Args:
        files: File patterns of raw records (gzip).
        most_requests: Requests after which no more records are read, a batch of records more or
            less.

    Returns:
        int64 `[Q]`.

    Raises:
        ValueError: If no file fits the patterns.
    """
    spec = {key: value for key, value in record_spec(()).items() if key in _READ}
    found, requests = [np.zeros(0, np.int64)], 0
    for serialized in serialized_records(files).batch(_RECORDS_TOGETHER):
        record = tf.io.parse_example(serialized, spec)
        within = record[REQUEST_EVENTS]
        before = tf.gather(tf.reshape(record[EVENTS_BEFORE_RECORD], [-1]), within.value_rowids())
        found.append((within.flat_values + before).numpy())
        requests += len(found[-1])
        if requests >= most_requests:
            break
    return np.concatenate(found)


_READ = (REQUEST_EVENTS, EVENTS_BEFORE_RECORD)


def length_shares(lengths: np.ndarray) -> list[tuple[str, float]]:
    """Returns the share of requests in each bucket of history length.

    Args:
        lengths: `[Q]`, events before each request.
    """
    labels = [f"{low:,}-{high:,}" for low, high in itertools.pairwise(_EDGES)]
    labels.append(f"{_EDGES[-1]:,}+")
    bucket = np.searchsorted(_EDGES, lengths, side="right") - 1
    numbers = np.bincount(bucket, minlength=len(labels))
    return [
        (label, float(number / max(len(lengths), 1)))
        for label, number in zip(labels, numbers, strict=True)
    ]


def _sampled(counts: Mapping[str, int], lengths: Mapping[str, np.ndarray]) -> str:
    if all(len(values) >= counts.get(f"{split}/requests", 0) for split, values in lengths.items()):
        return ""
    return f"; of large splits about {_MOST_REQUESTS:,} requests are counted"


def _facts(run: ReportedRun, counts: Mapping[str, int]) -> list[tuple[str, str]]:
    of_log = run.outcome.record.properties.get(("DayStatisticsBuilder", "day_statistics"), {})
    known = read_counts(run.uri("VocabularyBuilder", "vocabularies"))
    rows = [("Logs", ", ".join(_files(run)))]
    rows += [(name.capitalize(), f"{of_log[name]:,}") for name in _OF_LOG if name in of_log]
    rows += [
        (
            f"Known {plural}",
            f"{known[f'{name}/known']:,}; {known.get(f'{name}/too_rare', 0):,} are too rare in the "
            "training split and share rows as unknown ones",
        )
        for name, plural in _VOCABULARIES.items()
        if f"{name}/known" in known
    ]
    duplicates = counts.get("behaviors/duplicates", 0)
    return [*rows, ("Rows that repeat others", f"{duplicates:,}")]


_OF_LOG = ("events", "users", "items", "categories")
_VOCABULARIES = {"item": "items", "category": "categories", "user": "users"}


def _files(run: ReportedRun) -> Iterator[str]:
    for name, log in run.config.data.tables.items():
        yield f"{name} ({', '.join(log.patterns)})"


def _splits(counts: Mapping[str, int]) -> Table:
    rows = []
    for split in SPLITS:
        requests, candidates, positives, users = (
            counts.get(f"{split}/{name}", 0)
            for name in ("requests", "candidates", "positives", "users")
        )
        rows.append(
            (
                split,
                f"{users:,}",
                f"{requests:,}",
                f"{candidates:,}",
                f"{candidates / max(requests, 1):.1f}",
                share(positives / max(candidates, 1)),
                f"{counts.get(f'{split}/requests_not_sampled', 0):,}",
            )
        )
    head = ("split", "users", "requests", "candidates", "per request", "positives", "not sampled")
    return Table("Requests and candidates by split", head, rows)


def _set_aside(counts: Mapping[str, int]) -> list[Block]:
    rows = []
    for name, number in sorted(counts.items()):
        log, bad, reason = name.partition(_BAD_ROWS)
        if bad and number:
            rows.append((reason, log, f"{number:,}", share(number / counts[f"{log}/rows"])))
    if not rows:
        return [Paragraph("No row had to be set aside: all could be used.")]
    return [Table("Rows that were set aside", ("reason", "log", "rows", "share"), rows)]
