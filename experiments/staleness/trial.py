"""A point of a staleness experiment: a model at a date or some weeks after it, with old and new index."""

from __future__ import annotations

import dataclasses
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from lifelong.experiments.data import ExperimentData
from lifelong.experiments.network_trial import forget_earlier_models
from lifelong.experiments.staleness.metrics import StalenessMeasured, measure_searches
from lifelong.experiments.staleness.plan import StalenessPlan, known_by
from lifelong.experiments.staleness.scores import SearchPass
from lifelong.experiments.staleness.tables import STALE_MODELS
from lifelong.experiments.staleness.training import WeeklyTraining
from lifelong.experiments.trial import Measured, Trial
from lifelong.experiments.variant import Variant
from lifelong.models.config import ModelSpec


class StaleModelRun:
    """What the points of one model share: the training under way, and the function that scores.

    Nothing is built before a point asks for it.

    Args:
        name: The model, a key of `STALE_MODELS`.
        variant: Its architecture and training.
        seed: Seed of initial weights, shuffling and dropout.
        epochs: Passes over the base.
        passes: Passes over each week.
        plan: Which requests belong to which point.
        data: The records.
        folder: Where the trials have their folders.
    """

    def __init__(
        self,
        name: str,
        variant: Variant,
        seed: int,
        epochs: int,
        passes: int,
        plan: StalenessPlan,
        data: ExperimentData,
        folder: Path,
    ) -> None:
        self.name = name
        self._architecture = variant.model
        self._training = dataclasses.replace(variant.training, seed=seed, epochs=epochs)
        self._passes, self._plan, self._data = passes, plan, data
        self.points = [StalenessTrial(self, point, seed) for point in range(len(plan.spans))]
        self._weights = [
            folder / point.slug / "weights" / point.fingerprint(data) for point in self.points
        ]

    def settings(self, point: int) -> dict[str, Any]:
        """Returns all that decides the weights at a point, besides the data."""
        settings = {
            "model": dataclasses.asdict(self._architecture),
            "training": dataclasses.asdict(self._training),
            "spans": self._plan.spans[: point + 1],
        }
        return settings | {"passes": self._passes} if point else settings

    def measure(self, point: int) -> StalenessMeasured:
        """Trains the model to a point, unless an interrupted run did, and measures its searches."""
        trained = self._weekly.go_to(point)
        return measure_searches(self._searches.score(str(trained)))

    @cached_property
    def _spec(self) -> ModelSpec:
        return self._data.spec(self._architecture)

    @cached_property
    def _weekly(self) -> WeeklyTraining:
        forget_earlier_models()
        return WeeklyTraining(
            self._spec, self._training, self._passes, self._plan, self._data, self._weights
        )

    @cached_property
    def _searches(self) -> SearchPass:
        known = known_by(self._data, self._plan.date, self._spec.vocabulary_sizes)
        return SearchPass(str(self._weights[0]), STALE_MODELS[self.name], known, self._data)


@dataclasses.dataclass(frozen=True)
class StalenessTrial(Trial):
    """One point of one model.

    Attributes:
        model: What it shares with the other points.
        point: 0 for the base, then the number of the week.
        seed: Seed of its training.
    """

    measured_type: ClassVar[type[Measured]] = StalenessMeasured

    model: StaleModelRun
    point: int
    seed: int

    @property
    def name(self) -> str:
        """Model and week, as progress lines name it."""
        return f"{self.model.name},week={self.point}"

    @property
    def kind(self) -> str:
        """All weeks of a model take about as long; the base takes longer."""
        return f"{self.model.name}, {'week' if self.point else 'base'}"

    def settings(self) -> dict[str, Any]:
        """Returns model, training and the periods up to this point."""
        return {"point": self.point, **self.model.settings(self.point)}

    def run(self, data: ExperimentData, folder: Path) -> Measured:
        """Trains and measures."""
        return self.model.measure(self.point)
