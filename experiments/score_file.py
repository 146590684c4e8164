"""A trial's scores of the eval split, kept so that models can be compared candidate by candidate."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lifelong.experiments.metrics import auc_change
from lifelong.models.scores import CandidateScores

_FILE = "scores.npz"


def write_scores(scores: CandidateScores, folder: Path) -> None:
    """Writes users, labels and scores, in the order of the candidates, into a trial's folder."""
    unfinished = folder / f"unfinished-{_FILE}"
    np.savez_compressed(unfinished, user=scores.user, label=scores.label, score=scores.score)
    unfinished.replace(folder / _FILE)


def auc_over(folder: Path, other: Path) -> tuple[float, float] | None:
    """Returns how much higher a trial's AUC is than another's, with the error over users.

    Args:
        folder: The trial's folder.
        other: The folder of the other one, with scores of the same candidates.

    Returns:
        See `auc_change`; None where a trial has no scores or no AUC.

    Raises:
        ValueError: If the candidates are not the same.
    """
    if not all((it / _FILE).exists() for it in (folder, other)):
        return None
    with np.load(folder / _FILE) as ours, np.load(other / _FILE) as theirs:
        for name in ("user", "label"):
            if not np.array_equal(ours[name], theirs[name]):
                raise ValueError(
                    f"{folder / _FILE} and {other / _FILE} are not of the same candidates: delete "
                    "the trial that was run on other data"
                )
        return auc_change(ours["label"], theirs["score"], ours["score"], ours["user"])
