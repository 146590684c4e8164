"""Numbers as text: cells of tables, Markdown, CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from lifelong.experiments.summary import Stat

NOTHING = "-"


def cell(stat: Stat, form: str = ".4f", scale: float = 1.0) -> str:
    """Writes a figure for people: `mean ± sd`, the mean alone for one seed, `-` for none."""
    if stat.mean is None:
        return NOTHING
    mean = format(stat.mean * scale, form)
    return mean if stat.sd is None else f"{mean} ± {format(stat.sd * scale, form)}"


def exact(value: float | None) -> str:
    """Writes a figure for programs, to six digits; whole numbers in full; nothing for None."""
    if value is None:
        return ""
    return str(int(value)) if value == int(value) else f"{value:.6g}"


def markdown_table(rows: Sequence[Sequence[str]]) -> str:
    """Writes a table whose first row is the heading and whose other columns are numbers."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [[row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])] for row in rows]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join(f"| {' | '.join(line)} |" for line in (lines[0], rule, *lines[1:]))


def csv_text(rows: Sequence[Sequence[str]]) -> str:
    """Writes rows as CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
