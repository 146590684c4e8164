"""Whether scores are probabilities: predicted and observed shares of positives."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lifelong.models.scores import CandidateScores
from lifelong.report.charts import against_diagonal
from lifelong.report.page import Figure, Paragraph, Section, Table, number
from lifelong.report.reported_run import ReportedRun

_BINS = 10


class Bin(NamedTuple):
    """Candidates of about the same score.

    Attributes:
        lowest: Lowest score.
        highest: Highest score.
        candidates: How many they are.
        predicted: Mean score.
        observed: Share of positives.
    """

    lowest: float
    highest: float
    candidates: int
    predicted: float
    observed: float


def calibration_bins(
    score: np.ndarray, label: np.ndarray, weight: np.ndarray, count: int = _BINS
) -> list[Bin]:
    """Sorts candidates by score and cuts them into bins of as many candidates each.

    Args:
        score: `[C]`, predicted probabilities.
        label: `[C]`, 1 for positives, else 0.
        weight: `[C]`, how many impressions a candidate stands for.
        count: Bins, fewer where there are fewer candidates.

    Returns:
        The bins, lowest scores first.
    """
    order = np.argsort(score, kind="stable")
    return [
        Bin(
            lowest=float(score[part[0]]),
            highest=float(score[part[-1]]),
            candidates=len(part),
            predicted=float(np.average(score[part], weights=weight[part])),
            observed=float(np.average(label[part] > 0, weights=weight[part])),
        )
        for part in np.array_split(order, count)
        if len(part)
    ]


def mean_gap(bins: list[Bin]) -> float:
    """Returns the mean difference of predicted and observed shares, over candidates."""
    return float(
        np.average(
            [abs(each.predicted - each.observed) for each in bins],
            weights=[each.candidates for each in bins],
        )
    )


def calibration_section(run: ReportedRun, scores: CandidateScores) -> Section:
    """Returns how well the served model's scores are calibrated.

    Args:
        run: The run.
        scores: Its served model's scores of the eval split.
    """
    rate = run.config.export.negative_sampling_rate
    weight = np.where(scores.label > 0, 1.0, 1 / rate)
    bins = calibration_bins(scores.score, scores.label, weight)
    weighted = (
        "" if rate == 1 else f" Each negative counts {1 / rate:g} times, as sampling left it."
    )
    figure = Figure(
        "Predicted and observed share of positives",
        "Each point is a tenth of the eval split's candidates, ordered by score. On the dashed line a "
        "score is the probability that it says; points above it are scored too low." + weighted,
        against_diagonal(
            [each._asdict() for each in bins],
            ("predicted", "mean score"),
            ("observed", "share of positives"),
        ),
    )
    table = Table(
        "Tenths of the candidates by score",
        ("scores", "candidates", "mean score", "positives", "difference"),
        [
            (
                f"{number(each.lowest)} to {number(each.highest)}",
                f"{each.candidates:,}",
                number(each.predicted),
                number(each.observed),
                f"{each.predicted - each.observed:+.4f}",
            )
            for each in bins
        ],
    )
    requests = len(np.unique(scores.request))
    told = Paragraph(
        f"{len(scores.score):,} candidates of {requests:,} eval requests, scored by the model as it is "
        f"served. Predicted and observed shares differ by {mean_gap(bins):.4f} on average."
    )
    return Section("calibration", "Calibration", [told, figure, table])
