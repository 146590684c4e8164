"""Plots of a comparison, drawn without a display."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from lifelong.data.whole_file import write_atomically
from lifelong.experiments.metrics import ALL
from lifelong.experiments.ranking_time import CANDIDATES
from lifelong.experiments.summary import ModelSummary, Stat
from lifelong.experiments.tables import cell

DPI = 120
_MARKERS = "osD^vP*X<>"


def plot_auc(models: Sequence[ModelSummary], path: Path) -> None:
    """Draws the eval AUC of every model, with the standard deviation over its seeds."""
    figure, axes = new_figure(9, 1.4 + 0.34 * len(models))
    ordered = [model for model in reversed(models) if model.overall["auc"].mean is not None]
    places = range(len(ordered))
    means = [_mean(model.overall["auc"]) for model in ordered]
    spreads = [_spread(model.overall["auc"]) for model in ordered]
    ends = [
        mean if math.isnan(spread) else mean + spread
        for mean, spread in zip(means, spreads, strict=True)
    ]
    colors = ["#9db8d2" if "+" in model.name else "#3b6ea5" for model in ordered]
    axes.barh(places, means, xerr=spreads, color=colors, height=0.7, capsize=3, ecolor="#222222")
    axes.set_yticks(places, [model.name for model in ordered])
    axes.set_ylim(-0.6, len(ordered) - 0.4)
    low, high = _limits(means, ends)
    axes.set_xlim(low, high)
    for place, model, end in zip(places, ordered, ends, strict=True):
        axes.text(
            end + 0.01 * (high - low), place, cell(model.overall["auc"]), va="center", fontsize=8
        )
    axes.set_xlabel(
        f"eval AUC, standard deviation over seeds (the axis starts at {low:.3f}, not at 0)"
    )
    axes.grid(visible=False, axis="y")
    save(figure, path)


def plot_auc_by_history(models: Sequence[ModelSummary], path: Path) -> None:
    """Draws the eval AUC by history length, a line for each model without changed fields."""
    figure, axes = new_figure(9, 5)
    histories = [history for history in models[0].by_history if history != ALL]
    drawn = _main(models)
    for number, model in enumerate(drawn):
        stats = [model.by_history[history]["auc"] for history in histories]
        # Side by side, so that no error bar hides another.
        shift = 0.3 * ((number + 0.5) / len(drawn) - 0.5)
        axes.errorbar(
            [place + shift for place in range(len(histories))],
            [_mean(stat) for stat in stats],
            yerr=[_spread(stat) for stat in stats],
            label=model.name,
            marker=_MARKERS[number % len(_MARKERS)],
            color=colormaps["tab10"](number % 10),
            capsize=2,
            linewidth=1,
            markersize=5,
        )
    axes.set_xticks(range(len(histories)), histories)
    axes.set_xlabel("earlier events of the user at the time of the request")
    axes.set_ylabel("eval AUC")
    legend_beside(axes)
    save(figure, path)


def plot_cost(models: Sequence[ModelSummary], path: Path) -> None:
    """Draws eval AUC against the time of ranking, a point for each model that has both."""
    figure, axes = new_figure(9, 5)
    for number, model in enumerate(_main(models)):
        auc, cost = model.overall["auc"], model.figures["ranking_ms"]
        if auc.mean is None or cost.mean is None:
            continue
        axes.errorbar(
            cost.mean,
            auc.mean,
            yerr=_spread(auc),
            marker=_MARKERS[number % len(_MARKERS)],
            color=colormaps["tab10"](number % 10),
            label=model.name,
            linestyle="none",
            capsize=3,
            markersize=8,
        )
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(f"ms to rank {CANDIDATES} candidates of one request (logarithmic)")
    axes.set_ylabel("eval AUC")
    legend_beside(axes)
    save(figure, path)


def new_figure(width: float, height: float) -> tuple[Figure, Axes]:
    """Makes a figure of that many inches, with one set of axes."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, tidy(figure.add_subplot())


def tidy(axes: Axes) -> Axes:
    """Gives axes a faint grid and takes their frame away."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.3)
    axes.set_axisbelow(True)
    return axes


def legend_beside(axes: Axes) -> None:
    """Puts a legend to the right of the axes, if they show anything."""
    if axes.get_legend_handles_labels()[1]:
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)


def save(figure: Figure, path: Path) -> None:
    """Writes a figure as PNG."""
    image = io.BytesIO()
    figure.savefig(image, dpi=DPI, format="png")
    write_atomically(path, image.getvalue())


def _main(models: Sequence[ModelSummary]) -> list[ModelSummary]:
    """Returns the models without changed fields: with all of them, lines could not be told apart."""
    return [model for model in models if "+" not in model.name] or list(models)


def _mean(stat: Stat) -> float:
    return math.nan if stat.mean is None else stat.mean


def _spread(stat: Stat) -> float:
    """Returns the standard deviation; NaN, which is not drawn, if there is none."""
    return math.nan if stat.sd is None else stat.sd


def _limits(means: Sequence[float], ends: Sequence[float]) -> tuple[float, float]:
    """Returns limits of an axis that show the differences and leave room for the numbers."""
    low, high = min(means, default=0.5), max(ends, default=0.5)
    room = max(high - low, 0.01)
    return low - 0.2 * room, high + 0.3 * room
