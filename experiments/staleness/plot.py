"""The plot of a staleness experiment: what an old index still finds, and what it costs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lifelong.experiments.plots import save, tidy
from lifelong.experiments.staleness.metrics import Measurements, StalenessMeasured
from lifelong.experiments.staleness.tables import OLD, OLD_EVENTS, OWN


class _Line(NamedTuple):
    model: str
    search: str
    label: str
    color: str
    style: str
    marker: str


_LINES = (
    _Line("sim_soft", OWN, "sim_soft, its own index", "#1f5fa8", "-", "o"),
    _Line("sim_soft", OLD, "sim_soft, index of the date", "#1f5fa8", "--", "s"),
    _Line("sim_soft", OLD_EVENTS, "sim_soft, events of the date", "#7fb0e0", ":", "^"),
    _Line("eta", OWN, "eta, signatures baked anew", "#c8551b", "-", "o"),
    _Line("eta", OLD, "eta, signatures of the date", "#c8551b", "--", "s"),
)


def plot_staleness(measured: Measurements, path: Path) -> None:
    """Draws the recall of old tables, and the AUC of all searches, over the weeks since the date.

    Args:
        measured: Figures by model and point.
        path: PNG file to write.
    """
    figure = Figure(figsize=(11, 5), layout="constrained")
    found, quality = (tidy(axes) for axes in figure.subplots(1, 2))
    for line in _LINES:
        points = measured.get(line.model, {})
        if line.search != OWN:
            _draw(found, line, points, _recall(line.search))
        _draw(quality, line, points, _auc(line.search))
    for points in measured.values():
        random = points[max(points)].random_recall
        if random is not None:
            found.axhline(100 * random, color="#777777", linewidth=1, linestyle=(0, (1, 2)))
            found.annotate(
                "as many events at random",
                (0, 100 * random),
                xytext=(0, 4),
                textcoords="offset points",
                fontsize=8,
                color="#555555",
            )
            break
    found.set_ylim(0, 103)
    found.set_ylabel("% of the events of the model's own search found")
    quality.set_ylabel("AUC on the eval split (the axis does not start at 0)")
    for axes in (found, quality):
        axes.set_xlabel("weeks of training since the index was built")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.legend(
        *quality.get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False
    )
    save(figure, path)


def _draw(
    axes: Axes,
    line: _Line,
    points: dict[int, StalenessMeasured],
    value: Callable[[StalenessMeasured], float | None],
) -> None:
    drawn = [
        (point, figure)
        for point, measured in sorted(points.items())
        if (figure := value(measured)) is not None
    ]
    if drawn:
        axes.plot(
            *zip(*drawn, strict=True),
            color=line.color,
            linestyle=line.style,
            marker=line.marker,
            markersize=4,
            label=line.label,
        )


def _recall(search: str) -> Callable[[StalenessMeasured], float | None]:
    def value(measured: StalenessMeasured) -> float | None:
        recall = measured.search(search).recall
        return None if recall is None else 100 * recall

    return value


def _auc(search: str) -> Callable[[StalenessMeasured], float | None]:
    return lambda measured: measured.search(search).auc
