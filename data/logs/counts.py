"""Counts of what was read, dropped and written; a log that is too bad is refused."""

from __future__ import annotations

import collections
import json
from collections.abc import Iterable, Iterator, Mapping

from lifelong.data.logs.fields import Field

Counts = collections.Counter[str]

COUNTS_FILE = "counts.json"
WARNINGS_FILE = "warnings.json"
BAD_ROWS_PREFIX = "bad_rows"
BAD_ROWS_SUFFIX = ".jsonl"


def summary(counts: Mapping[str, int]) -> str:
    """Returns a table of the counts that are not zero, one a line."""
    names = sorted(name for name, number in counts.items() if number)
    width = max(map(len, names), default=0)
    return "\n".join(f"  {name:<{width}}  {counts[name]:>15,}" for name in names)


def bad_rows(counts: Mapping[str, int], log: str) -> int:
    """Returns how many rows of a log were quarantined."""
    return sum(number for name, number in counts.items() if name.startswith(f"{log}/bad_rows/"))


def check_rows(
    counts: Mapping[str, int], log: str, max_bad_share: float, quarantined: Iterable[str] = ()
) -> None:
    """Raises if a log is empty or has too many unusable rows.

    Args:
        counts: Everything counted.
        log: Name of the log.
        max_bad_share: Share of unusable rows above which a log is refused.
        quarantined: Quarantined rows as JSON text, from which the message takes an example; read
            only where needed.

    Raises:
        ValueError: Says what was wrong with the log, and which option decides.
    """
    rows, bad = counts.get(f"{log}/rows", 0), bad_rows(counts, log)
    if not rows:
        raise ValueError(f"{log}.files have no rows; check that they are the right files")
    if bad > max_bad_share * rows:
        raise ValueError(
            f"{bad:,} of {rows:,} rows of the log {log} cannot be used ({bad / rows:.2%}; "
            f"max_bad_share allows {max_bad_share:.2%}). {_worst(counts, log, quarantined)} "
            "Mend the log, correct its columns or raise max_bad_share"
        )


def check_values(counts: Mapping[str, int], log: str, fields: Iterable[Field]) -> None:
    """Raises if no usable row of a log has a value of a field.

    Args:
        counts: Everything counted.
        log: Name of the log.
        fields: What is read of it.

    Raises:
        ValueError: Names the column.
    """
    rows = counts[f"{log}/rows"] - bad_rows(counts, log)
    for field in fields:
        if not rows or counts.get(f"{log}/missing/{field.key}", 0) != rows:
            continue
        if not field.is_in_log:
            raise ValueError(
                f"no item of the log {log} has a category in the item table: are items.columns.item "
                f"and {log}.columns.item the same kind of id, written alike?"
            )
        raise ValueError(
            f"no row of the log {log} has a value in the column {field.column!r} (the feature "
            f"{field.key}); correct the feature's `column`, or remove the feature"
        )


def bad_row_warnings(counts: Mapping[str, int], log: str) -> Iterator[str]:
    """Yields a warning if rows of a log were set aside."""
    rows, bad = counts[f"{log}/rows"], bad_rows(counts, log)
    if bad:
        yield (
            f"{bad:,} of {rows:,} rows of the log {log} cannot be used and were set aside "
            f"({bad / rows:.2%}); the counts above have the reasons"
        )


def _worst(counts: Mapping[str, int], log: str, quarantined: Iterable[str]) -> str:
    numbers: collections.Counter[tuple[str, str]] = collections.Counter()
    samples: dict[tuple[str, str], dict[str, str]] = {}
    for text in quarantined:
        row = json.loads(text)
        if row["log"] == log:
            key = row["file"], row["reason"]
            numbers[key] += 1
            samples.setdefault(key, row)
    if not numbers:
        prefix = f"{log}/bad_rows/"
        reason = max((name for name in counts if name.startswith(prefix)), key=counts.__getitem__)
        return f"Worst: {counts[reason]:,} rows ({reason.removeprefix(prefix)})."
    (key, number), *_ = numbers.most_common(1)
    sample = samples[key]
    return (
        f"Worst: {number:,} rows of {key[0]} ({key[1]}), such as row {sample['row']}: "
        f"{sample['text'][:200]!r}."
    )
