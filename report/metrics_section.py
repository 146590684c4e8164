"""How good the model is, by history length, beside the running model and a baseline of trees."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from lifelong.components.evaluation.report import ALL_REQUESTS, Row
from lifelong.report.charts import dots
from lifelong.report.page import Block, Figure, Notice, Paragraph, Section, Table, number
from lifelong.report.reported_run import ReportedRun
from lifelong.report.trees import MOST_REQUESTS, measure_trees

RUNNING = "running model"
TREES = "trees"


class Baseline(NamedTuple):
    """Another model's metrics on the same requests.

    Attributes:
        name: What it is called.
        rows: All requests first, then by history length.
    """

    name: str
    rows: Sequence[Row]


def metrics_section(run: ReportedRun) -> Section:
    """Returns the metrics of the model and of what it is compared with."""
    report = run.outcome.report
    baselines: list[Baseline] = []
    told: list[Block] = []
    if report.baseline:
        baselines.append(Baseline(RUNNING, report.baseline))
    else:
        told.append(
            Paragraph("No model was in use before this run that it could be compared with.")
        )
    if run.config.report.trees:
        trees, said = _trees(run)
        baselines += trees
        told.append(said)
    else:
        told.append(Paragraph("No trees were trained to compare with: report.trees is false."))
    blocks: list[Block] = [Paragraph(_READING), *told]
    blocks += comparison(run.config.model.long_term, report.rows, baselines)
    return Section("metrics", "Metrics on the eval split", blocks)


_READING = (
    "AUC is the chance that a positive candidate scores above another one, GAUC the same within each "
    "user; higher is better, and 0.5 is what random scores have. Log loss is a mean over candidates; "
    "lower is better. Calibration is the sum of scores over the number of positives; 1 is best."
)


def comparison(name: str, rows: Sequence[Row], baselines: Sequence[Baseline]) -> list[Block]:
    """Returns a chart and a table of models side by side.

    Args:
        name: What the model is called.
        rows: Its metrics: all requests first, then by history length.
        baselines: The others'.
    """
    models = [Baseline(name, rows), *baselines]
    points = [
        {"history": row.history, "AUC": row.auc, "model": model.name}
        for model in models
        for row in model.rows
        if row.history != ALL_REQUESTS and row.auc == row.auc
    ]
    blocks: list[Block] = []
    if points:
        blocks.append(
            Figure(
                "AUC by length of the history",
                "Events that the user had before the request, and how well candidates are ordered. A "
                "model that reads long histories should gain where they are long.",
                dots(points, ("history", "events before the request"), ("AUC", "AUC"), "model"),
            )
        )
    blocks.append(
        Table(
            "All metrics by history length and model",
            (
                "history",
                "model",
                "AUC",
                "AUC difference",
                "GAUC",
                "log loss",
                "calibration",
                "requests",
                "candidates",
            ),
            list(_cells(models)),
            texts=2,
        )
    )
    return blocks


def _cells(models: Sequence[Baseline]) -> Iterator[tuple[str, ...]]:
    own = models[0]
    for row in own.rows:
        for model in models:
            found = next((other for other in model.rows if other.history == row.history), None)
            if found is None:
                continue
            difference = row.auc - found.auc
            yield (
                row.history,
                model.name,
                number(found.auc),
                "" if model is own or difference != difference else f"{difference:+.4f}",
                number(found.gauc),
                number(found.log_loss),
                number(found.calibration),
                f"{found.requests:,}",
                f"{found.candidates:,}",
            )


def _trees(run: ReportedRun) -> tuple[list[Baseline], Block]:
    try:
        trees = measure_trees(run)
    except (ImportError, ValueError) as error:
        # The model's own metrics are there without a baseline.
        return [], Notice(f"There are no trees to compare with (report.trees): {error}")
    text = (
        f"Trees: LightGBM with one fixed setting on what the head of the network is told in numbers, "
        f"counts of the history and of all users among them; {trees.iterations} trees, as many as "
        f"validation chose, trained on {trees.training_requests:,} requests; reading, training and scoring "
        f"took {trees.seconds:.0f} s."
    )
    if trees.training_requests >= MOST_REQUESTS:
        text += f" Of each split only about {MOST_REQUESTS:,} requests are read."
    if not run.config.model.evidence_length:
        text += " With model.evidence_length 0 they are told nothing of the history."
    return [Baseline(TREES, trees.rows)], Paragraph(text)
