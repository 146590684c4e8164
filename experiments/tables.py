"""Numbers as text: cells of tables, Markdown, CSV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from lifelong.experiments.summary import Stat

NOTHING = "-"


def cell(stat: Stat, form: str = ".4f", scale: float = 1.0) -> str:
    """Writes a figure for people: `mean ± sd`, the mean alone for one seed, `-` for none."""
    if stat.mean is None:
        return NOTHING
    mean = format(stat.mean * scale, form)
    return mean if stat.sd is None else f"{mean} ± {format(stat.sd * scale, form)}"


def markdown_table(rows: Sequence[Mapping[str, str]]) -> str:
    """Writes rows (cells by heading), whose columns but the first are numbers, as Markdown."""
    frame = pd.DataFrame(rows)
    alignment = ("left", *["right"] * (len(frame.columns) - 1))
    return frame.to_markdown(index=False, disable_numparse=True, colalign=alignment)


def csv_text(rows: Sequence[Mapping[str, str | float | None]]) -> str:
    """Writes rows (figures by heading) as CSV for programs.

    Columns of whole numbers are written in full, others to six digits; None as nothing.
    """
    return pd.DataFrame(rows).convert_dtypes().to_csv(index=False, float_format="%.6g")
