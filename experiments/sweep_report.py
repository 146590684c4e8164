"""The table of a sweep, as CSV and Markdown, and its plot."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lifelong.data.whole_file import write_atomically
from lifelong.experiments.metrics import Metrics, overall
from lifelong.experiments.plots import legend_beside, save, tidy
from lifelong.experiments.ranking_time import CANDIDATES
from lifelong.experiments.summary import Stat
from lifelong.experiments.tables import cell, csv_text, markdown_table
from lifelong.experiments.trial import Measured, TrialResult
from lifelong.models.config import ModelSpec
from lifelong.models.layers.sim_hash import WORD_BITS
from lifelong.models.trained import SPEC_FILE

REHASHED, RETRAINED = "re-hashed", "retrained"

_NOTES = f"""\
Re-hashed: one trained model, all of its weights but the random rotation, whose shape depends on M,
searched with M bits and K events. Retrained: a model trained with that M and K from the start. AUC,
GAUC and log loss are exact, on the eval split, over scores of the serving path; nothing is chosen
on eval. Bytes: a row of the signature table. Ranking ms: median time of one real request with a
full history and {CANDIDATES} candidates, in process, without a server."""


@dataclasses.dataclass(frozen=True)
class _Point:
    bits: int
    events: int
    how: str
    measured: Measured

    @property
    def overall(self) -> Metrics:
        return overall(self.measured.metrics)

    @property
    def row_bytes(self) -> int:
        return 8 * -(-self.bits // WORD_BITS)


def write_sweep(results: Sequence[TrialResult], trained: Path, folder: Path) -> None:
    """Writes `sweep.csv`, `sweep.md` and `sweep.png`.

    Args:
        results: Results so far, of re-hashed and of trained models.
        trained: Folder of the model that was re-hashed.
        folder: Where to write; made if missing.
    """
    points = [
        _Point(
            bits=result.settings["model"]["signature_bits"],
            events=result.settings["model"]["searched_events"],
            how=RETRAINED if "training" in result.settings else REHASHED,
            measured=result.measured,
        )
        for result in results
    ]
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / "sweep.md", _markdown(points, trained))
    write_atomically(folder / "sweep.csv", _csv(points))
    _plot(points, folder / "sweep.png")


def _markdown(points: Sequence[_Point], trained: Path) -> str:
    spec = ModelSpec.from_json((trained / SPEC_FILE).read_text())
    rows = [
        {
            "bits M": str(point.bits),
            "events K": str(point.events),
            "": point.how,
            "validation AUC": _cell(point.measured.validation_auc),
            "AUC": _cell(point.overall.auc),
            "GAUC": _cell(point.overall.gauc),
            "log loss": _cell(point.overall.log_loss),
            "bytes": str(point.row_bytes),
            "ranking ms": _cell(point.measured.ranking_ms, ".2f"),
        }
        for point in points
    ]
    return "\n\n".join(
        [
            "# Signature bits and searched events on the eval split",
            f"The model that was re-hashed was trained with M = {spec.model.signature_bits} and "
            f"K = {spec.model.searched_events}, L = {spec.model.long_length:,}.",
            markdown_table(rows),
            _NOTES,
            "![sweep](sweep.png)\n",
        ]
    )


def _cell(figure: float | None, form: str = ".4f") -> str:
    return cell(Stat(figure, None), form)


def _csv(points: Sequence[_Point]) -> str:
    return csv_text(
        [
            {
                "bits": point.bits,
                "events": point.events,
                "how": point.how,
                "validation_auc": point.measured.validation_auc,
                "auc": point.overall.auc,
                "gauc": point.overall.gauc,
                "log_loss": point.overall.log_loss,
                "row_bytes": point.row_bytes,
                "ranking_ms": point.measured.ranking_ms,
            }
            for point in points
        ]
    )


def _plot(points: Sequence[_Point], path: Path) -> None:
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    quality, cost = figure.subplots(1, 2)
    _lines(quality, points, lambda point: point.overall.auc)
    _lines(cost, points, lambda point: point.measured.ranking_ms)
    quality.set_ylabel("eval AUC")
    cost.set_ylabel(f"ms to rank {CANDIDATES} candidates of one request")
    cost.set_ylim(bottom=0)
    legend_beside(cost)
    save(figure, path)


def _lines(axes: Axes, points: Sequence[_Point], value: Callable[[_Point], float | None]) -> None:
    """Draws a line over K for each M, and retrained points as stars of the same colour."""
    tidy(axes)
    events = sorted({point.events for point in points})
    for number, bits in enumerate(sorted({point.bits for point in points})):
        color = colormaps["viridis"](0.9 * number / max(len({p.bits for p in points}) - 1, 1))
        for how, marker, line, size in ((REHASHED, "o", "-", 5), (RETRAINED, "*", "none", 14)):
            of_line = [
                (point.events, drawn)
                for point in points
                if (point.bits, point.how) == (bits, how) and (drawn := value(point)) is not None
            ]
            if of_line:
                axes.plot(
                    *zip(*sorted(of_line), strict=True),
                    color=color,
                    label=f"M = {bits}" + (", retrained" if how == RETRAINED else ""),
                    marker=marker,
                    linestyle=line,
                    markersize=size,
                )
    axes.set_xscale("log", base=2)
    axes.set_xticks(events, [str(number) for number in events])
    axes.minorticks_off()
    axes.set_xlabel("searched events K")
