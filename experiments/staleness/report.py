"""The table of a staleness experiment, as CSV and Markdown, with its conclusion and plot."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from lifelong.data.whole_file import write_atomically
from lifelong.experiments.staleness.conclusion import conclusion
from lifelong.experiments.staleness.metrics import (
    Measurements,
    SearchMetrics,
    StalenessMeasured,
)
from lifelong.experiments.staleness.plan import StalenessPlan
from lifelong.experiments.staleness.plot import plot_staleness
from lifelong.experiments.staleness.tables import OLD, OLD_EVENTS, OWN
from lifelong.experiments.summary import Stat
from lifelong.experiments.tables import cell, csv_text, markdown_table
from lifelong.experiments.trial import TrialResult

# Columns of the table: model, search and heading of its AUC; all but the own have a recall, too.
_COLUMNS = (
    ("sim_soft", OWN, "`sim_soft` AUC"),
    ("sim_soft", OLD, "old index"),
    ("sim_soft", OLD_EVENTS, "old events"),
    ("eta", OWN, "`eta` AUC"),
    ("eta", OLD, "old signatures"),
)
_OF_POINT = (
    "random_recall",
    "candidates",
    "without_events",
    "new_candidates",
    "events",
    "new_events",
)

_NOTES = """\
Each model is trained on the base, all requests before the date, and then on each week's requests;
its optimizer goes on from its state, and neither validation nor eval decides anything. At each
point all of eval is scored with the weights of that moment and several searches: tables computed
from these weights (`sim_soft` AUC, `eta` AUC); tables of the date (old index, old signatures);
tables of the date for events and the model's own for candidates (old events). In one row, the AUCs
of a model differ by what was searched alone. Found: of the events that the model's own search finds
for a candidate, the share that the other one finds too, mean over candidates. ±: standard error
over the users of eval, paired. Items that no event or candidate before the date has are not in the
tables of the date: they are looked up as unknown items. The vocabulary is that of all training
requests. Eval lies after all weeks, so that its histories hold events younger than the index. One
seed and one date: another seed has other curves."""


def write_staleness(results: Sequence[TrialResult], plan: StalenessPlan, folder: Path) -> None:
    """Writes `staleness.csv`, `staleness.md` and `staleness.png`.

    Args:
        results: Results so far.
        plan: The periods of all points.
        folder: Where to write; made if missing.

    Raises:
        ValueError: If there is no result.
    """
    if not results:
        raise ValueError("no point has a result yet: nothing to report")
    measured: Measurements = {}
    for result in results:
        of_model = measured.setdefault(result.settings["model"]["long_term"], {})
        of_model[result.settings["point"]] = cast(StalenessMeasured, result.measured)
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / "staleness.md", _markdown(measured, plan))
    write_atomically(folder / "staleness.csv", _csv(measured, plan))
    plot_staleness(measured, folder / "staleness.png")


def _markdown(measured: Measurements, plan: StalenessPlan) -> str:
    rows = []
    for point, (span, requests) in enumerate(zip(plan.spans, plan.requests, strict=True)):
        row = {"week": str(point or "base"), "from": _day(span[0]), "requests": f"{requests:,}"}
        for model, search, heading in _COLUMNS:
            of_search = _search(measured, model, point, search)
            row[heading] = cell(Stat(of_search.auc if of_search else None, None))
            if search != OWN:
                row[f"{heading}, found"] = cell(
                    Stat(of_search.recall if of_search else None, None), ".3f"
                )
        rows.append(row)
    return "\n\n".join(
        [
            "# An index that lags behind its model, on the eval split",
            f"Index and signatures of {_day(plan.date)}, the end of the base.",
            conclusion(measured),
            markdown_table(rows),
            _NOTES,
            "![staleness](staleness.png)\n",
        ]
    )


def _search(measured: Measurements, model: str, point: int, search: str) -> SearchMetrics | None:
    of_point = measured.get(model, {}).get(point)
    return of_point.search(search) if of_point else None


def _csv(measured: Measurements, plan: StalenessPlan) -> str:
    """Writes a line for each model, point and search."""
    return csv_text(
        [
            {
                "model": model,
                "week": point,
                "from": _day(plan.spans[point][0]),
                "requests": plan.requests[point],
                **dataclasses.asdict(search),
                **{name: getattr(of_point, name) for name in _OF_POINT},
            }
            for model, points in measured.items()
            for point, of_point in sorted(points.items())
            for search in of_point.searches
        ]
    )


def _day(timestamp: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(timestamp))
