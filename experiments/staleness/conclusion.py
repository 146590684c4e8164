"""What a staleness experiment says, in words that follow from its numbers."""

from __future__ import annotations

from lifelong.experiments.staleness.metrics import Measurements, StalenessMeasured
from lifelong.experiments.staleness.tables import OLD, OLD_EVENTS, OWN

# An AUC that changes by less than so many standard errors is not said to have changed.
_ERRORS = 2
_TABLES = {"sim_soft": "index", "eta": "signatures"}


def conclusion(measured: Measurements) -> str:
    """Says how models fare with their old tables, at the last point of each.

    Args:
        measured: Figures by model and point.

    Returns:
        One paragraph.
    """
    sentences = []
    for model, points in measured.items():
        last = max(points)
        if last == 0:
            sentences.append(f"`{model}` has not been trained past the date yet.")
            continue
        sentences += _of_model(model, last, points[last])
        sentences += _of_weeks(model, points)
        sentences += _of_training(model, points, last)
    sentences += _of_new_items(measured)
    return " ".join(sentences)


def _of_model(model: str, weeks: int, point: StalenessMeasured) -> list[str]:
    own, old, tables = point.search(OWN), point.search(OLD), _TABLES[model]
    sentences = [
        f"{weeks} {'week' if weeks == 1 else 'weeks'} after the date, `{model}` with the {tables} "
        f"of the date finds {_percent(old.recall)} of the events that its own search finds "
        f"(as many events at random: {_percent(point.random_recall)}), and its AUC is "
        f"{_auc(old.auc)} instead of {_auc(own.auc)}: {_change(old.auc_change, old.auc_change_error)}."
    ]
    if any(row.search == OLD_EVENTS for row in point.searches):
        half = point.search(OLD_EVENTS)
        sentences.append(
            f"With candidates projected by the model of the day, but events as of the date, it is "
            f"{_percent(half.recall)} and {_auc(half.auc)}: "
            f"{_change(half.auc_change, half.auc_change_error)}."
        )
    return sentences


def _of_weeks(model: str, points: dict[int, StalenessMeasured]) -> list[str]:
    """Says how the AUC changed over the weeks, of which the last one may not be typical."""
    old = [point.search(OLD) for week, point in points.items() if week]
    changes = [
        (row.auc_change, row.auc_change_error)
        for row in old
        if row.auc_change is not None and row.auc_change_error is not None
    ]
    if len(changes) < 2:
        return []
    told = sum(abs(change) > _ERRORS * error for change, error in changes)
    least, most = min(change for change, _ in changes), max(change for change, _ in changes)
    return [
        f"Over the {len(changes)} weeks the {_TABLES[model]} of the date changed the AUC by {least:+.4f} "
        f"to {most:+.4f}, by more than {_ERRORS} standard errors in {told} of them."
    ]


def _of_training(model: str, points: dict[int, StalenessMeasured], last: int) -> list[str]:
    """Says what the weeks of training were worth, beside which a loss can be seen in proportion."""
    if 0 not in points:
        return []
    before, after = points[0].search(OWN).auc, points[last].search(OWN).auc
    if before is None or after is None:
        return []
    return [
        f"Training on moved the AUC of `{model}` with its own search from {_auc(before)} to "
        f"{_auc(after)} ({after - before:+.4f})."
    ]


def _of_new_items(measured: Measurements) -> list[str]:
    points = [of_model[max(of_model)] for of_model in measured.values()]
    if not points or not points[0].candidates:
        return []
    point = points[0]
    sentences = [
        f"{point.new_candidates:,} of {point.candidates:,} candidates and {point.new_events:,} of "
        f"{point.events:,} events in their long histories have an item that the index of the date "
        "does not know."
    ]
    # At the date itself nothing else differs.
    changes = [
        f"{old.auc_change:+.4f} ± {old.auc_change_error:.4f} (`{model}`)"
        for model, of_model in measured.items()
        if 0 in of_model and (old := of_model[0].search(OLD)).auc_change is not None
    ]
    if changes:
        sentences.append(
            f"That alone, at the date itself, changed the AUC by {', '.join(changes)}."
        )
    return sentences


def _change(change: float | None, error: float | None) -> str:
    if change is None or error is None:
        return "not to be compared"
    if abs(change) <= _ERRORS * error:
        return f"a change within {_ERRORS} standard errors ({change:+.4f} ± {error:.4f})"
    return f"{abs(change):.4f} ± {error:.4f} {'lower' if change < 0 else 'higher'}"


def _percent(share: float | None) -> str:
    return "none" if share is None else f"{share:.1%}".replace("%", " %")


def _auc(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"
