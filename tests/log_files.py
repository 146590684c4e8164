"""Writes rows as a log file of any format."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


def _write_csv(path, rows):
    names = list(rows[0])
    lines = [",".join(names)]
    lines += [",".join("" if row[n] is None else str(row[n]) for n in names) for row in rows]
    path.write_text("\n".join(lines) + "\n")


def _write_jsonl(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def _write_parquet(path, rows):
    table = pa.table({name: [row[name] for row in rows] for name in rows[0]})
    pq.write_table(table, path, row_group_size=max(1, len(rows) // 3))


def write_log(path: Path, rows: list[dict]) -> str:
    """Writes rows (dictionaries) to a file whose suffix names the format; returns its path."""
    writers = {".csv": _write_csv, ".jsonl": _write_jsonl, ".parquet": _write_parquet}
    writers[path.suffix](path, rows)
    return str(path)
