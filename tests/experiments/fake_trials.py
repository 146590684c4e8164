"""Trials that measure nothing, and results with given figures."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from lifelong.experiments.data import ExperimentData
from lifelong.experiments.metrics import Metrics
from lifelong.experiments.trial import Measured, Trial, TrialResult

NO_DATA = ExperimentData("examples/1", "transformed/1", "graph/1", ())


def measured(auc: float, **figures: Any) -> Measured:
    """Returns figures with an AUC, the same in the only bucket."""
    rows = tuple(Metrics(history, auc, 0.6, 0.3, 10, 40) for history in ("all", "100-300"))
    return Measured(**{"metrics": rows, "validation_auc": 0.7, "ranking_ms": None, **figures})


def result(name: str, seed: int, auc: float, **figures: Any) -> TrialResult:
    """Returns a result with an AUC."""
    return TrialResult(name, seed, "f", {}, measured(auc, **figures))


@dataclasses.dataclass(frozen=True)
class FakeTrial(Trial):
    """Notes that it ran; raises what it is told to."""

    model: str
    seed: int
    ran: list[str]
    setting: int = 1
    fails: Exception | None = None

    @property
    def name(self) -> str:
        return self.model

    def settings(self) -> dict[str, Any]:
        return {"setting": self.setting, "seed": self.seed}

    def run(self, data: ExperimentData, folder: Path) -> Measured:
        self.ran.append(self.slug)
        if self.fails is not None:
            raise self.fails
        return measured(0.75)
