"""All formats by name, and which one a file has."""

from __future__ import annotations

from lifelong.data.logs import files
from lifelong.data.logs.csv_format import CsvFormat
from lifelong.data.logs.format import Format
from lifelong.data.logs.json_lines_format import JsonLinesFormat
from lifelong.data.logs.parquet_format import ParquetFormat

FORMATS: dict[str, Format] = {
    made.name: made for made in (CsvFormat(), ParquetFormat(), JsonLinesFormat())
}


def format_of(path: str) -> Format | None:
    """Returns the format that a file's suffix tells, if it tells one."""
    plain = path
    for suffix in files.COMPRESSED:
        plain = plain.removesuffix(suffix)
    return next((it for it in FORMATS.values() if plain.endswith(it.suffixes)), None)


def suffixes_of(name: str) -> dict[str, tuple[str, ...]]:
    """Returns with which files of a format end; for `auto`, those of any format, by its name."""
    return {it.name: it.suffixes for it in FORMATS.values() if name in ("auto", it.name)}
