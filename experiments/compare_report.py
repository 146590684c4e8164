"""The table of a comparison, as CSV and Markdown, and its plots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lifelong.data.whole_file import write_atomically
from lifelong.experiments import plots
from lifelong.experiments.item_metrics import ITEM_GROUPS
from lifelong.experiments.metrics import ALL
from lifelong.experiments.ranking_time import CANDIDATES
from lifelong.experiments.summary import ModelSummary, summarize
from lifelong.experiments.tables import NOTHING, cell, csv_text, markdown_table
from lifelong.experiments.trial import TrialResult

_SECONDS_PER_MINUTE = 60
_COUNTS = ("requests", "candidates")

_ITEM_NOTES = """\
`known`: items of the vocabulary; `unknown`: all others, which have too few training events;
`unseen`: those of them without any. Each AUC orders the candidates of its group among themselves."""

_NOTES = f"""\
Mean ± standard deviation over the seeds; one seed has no deviation. AUC, GAUC and log loss are
exact, on the eval split, over scores of the serving path with baked tables. Training stops, and
keeps weights, by the validation split alone; nothing is chosen on eval. Training time includes the
validation passes. Ranking ms: median time of one real request with a full history and {CANDIDATES}
candidates, in process, without a server. `-`: the model does not have it, or its cost was not
measured."""

_OVER_TREES_NOTE = """\
Over the trees: mean AUC over the seeds less that of the trees with the highest validation AUC, ±
its standard error over the users of the eval split, paired (DeLong, clustered by user)."""


class AucOver(NamedTuple):
    """How much higher the AUC of a model is than another's.

    Attributes:
        change: AUC less the other's, the mean of the seeds.
        error: Its standard error over users.
    """

    change: float
    error: float


def write_comparison(
    results: Sequence[TrialResult],
    trials: int,
    folder: Path,
    over_trees: Mapping[str, AucOver] | None = None,
) -> None:
    """Writes `compare.csv`, `compare.md`, `auc.png`, `auc_by_history.png` and `cost.png`.

    Args:
        results: Results so far.
        trials: Trials there will be.
        folder: Where to write; made if missing.
        over_trees: By model, how much higher its AUC is than the strongest trees'.

    Raises:
        ValueError: If there is no result.
    """
    if not results:
        raise ValueError("no trial has a result yet: nothing to compare")
    models = summarize(results)
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(
        folder / "compare.md", _markdown(models, len(results), trials, over_trees or {})
    )
    write_atomically(folder / "compare.csv", _csv(models))
    plots.plot_auc(models, folder / "auc.png")
    plots.plot_auc_by_history(models, folder / "auc_by_history.png")
    plots.plot_cost(models, folder / "cost.png")


def _markdown(
    models: Sequence[ModelSummary],
    finished: int,
    trials: int,
    over_trees: Mapping[str, AucOver],
) -> str:
    counts = models[0].overall
    requests, candidates = (cell(counts[key], ",.0f").partition(" ")[0] for key in _COUNTS)
    overall = [
        {
            "model": model.name,
            "seeds": str(len(model.seeds)),
            "validation AUC": cell(model.figures["validation_auc"]),
            "AUC": cell(model.overall["auc"]),
            "GAUC": cell(model.overall["gauc"]),
            "log loss": cell(model.overall["log_loss"]),
            **_cell_over_trees(model.name, over_trees),
            "parameters": cell(model.figures["parameters"], ",.0f").partition(" ")[0],
            "training requests/s": cell(model.figures["training_requests_per_s"], ",.0f"),
            "training min": cell(model.figures["training_seconds"], ".1f", 1 / _SECONDS_PER_MINUTE),
            "ranking ms": cell(model.figures["ranking_ms"], ".2f"),
        }
        for model in models
    ]
    histories = [history for history in models[0].by_history if history != ALL]
    by_history = [
        {"model": model.name, **{h: cell(model.by_history[h]["auc"]) for h in histories}}
        for model in models
    ]
    by_item = [
        {"model": model.name, **{group: cell(model.by_item[group]["auc"]) for group in ITEM_GROUPS}}
        for model in models
    ]
    return "\n\n".join(
        [
            "# Comparison on the eval split",
            f"{requests} requests with {candidates} candidates; {finished} of {trials} trials "
            "finished.",
            markdown_table(overall),
            f"{_NOTES} {_OVER_TREES_NOTE}" if over_trees else _NOTES,
            "## AUC by history length",
            markdown_table(by_history),
            "## AUC by what the training data know of the candidate's item",
            markdown_table(by_item),
            f"{_ITEM_NOTES}\n{_item_counts(models)}",
            "![AUC](auc.png)\n![AUC by history length](auc_by_history.png)\n![cost](cost.png)\n",
        ]
    )


def _cell_over_trees(model: str, over_trees: Mapping[str, AucOver]) -> dict[str, str]:
    if not over_trees:
        return {}
    over = over_trees.get(model)
    text = f"{over.change:+.4f} ± {over.error:.4f}" if over else NOTHING
    return {"AUC over the trees": text}


def _item_counts(models: Sequence[ModelSummary]) -> str:
    """Says how many candidates the groups have, as the first model that was measured so has it."""
    for model in models:
        counts = [
            f"{group} {of_group['candidates'].mean:,.0f} ({of_group['clicked'].mean:,.0f} clicked)"
            for group, of_group in model.by_item.items()
            if of_group["candidates"].mean is not None
        ]
        if counts:
            return f"Candidates: {', '.join(counts)}."
    return "No model was measured so."


def _csv(models: Sequence[ModelSummary]) -> str:
    """Writes a line for each model and bucket of history length, `all` first."""
    rows: list[dict[str, Any]] = []
    for model in models:
        items = {f"{group}_items_auc": stats["auc"] for group, stats in model.by_item.items()}
        for history, of_history in model.by_history.items():
            row: dict[str, Any] = {
                "model": model.name,
                "history": history,
                "seeds": len(model.seeds),
            }
            for key, stat in {**of_history, **model.figures, **items}.items():
                row |= (
                    {key: stat.mean} if key in _COUNTS else {key: stat.mean, f"{key}_sd": stat.sd}
                )
            rows.append(row)
    return csv_text(rows)
