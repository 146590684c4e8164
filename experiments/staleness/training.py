"""A model that is trained to a date and then on, week after week."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from lifelong.experiments.data import ExperimentData
from lifelong.experiments.staleness.plan import StalenessPlan, training_files
from lifelong.models.config import ModelSpec, TrainingConfig
from lifelong.models.fitting import fit_passes
from lifelong.models.trained import restore_trained, save_trained
from lifelong.models.training import begin, make_batches


class WeeklyTraining:
    """Trains one model from point to point and keeps the weights of the base and of the last point.

    Args:
        spec: Architecture, features and vocabulary sizes.
        training: Batches, step size and seed; `epochs` passes over the base.
        passes: Passes over each week.
        plan: Which requests belong to which point.
        data: The records.
        folders: For each point, where its weights lie once it is trained, optimizer included.
    """

    def __init__(
        self,
        spec: ModelSpec,
        training: TrainingConfig,
        passes: int,
        plan: StalenessPlan,
        data: ExperimentData,
        folders: Sequence[Path],
    ) -> None:
        self._training, self._passes, self._plan = training, passes, plan
        self._files = training_files(data)
        transform_output = data.transform_output()
        self._parsing = transform_output.transformed_feature_spec()
        self._folders = folders
        self._model = begin(spec, training, transform_output, data.items)
        # The point that the model has been trained to.
        self._at: int | None = None

    def go_to(self, point: int) -> Path:
        """Trains what is missing up to a point.

        Args:
            point: 0 for the base, then the number of the week.

        Returns:
            Folder of the weights.
        """
        kept = [number for number in range(point + 1) if self._folders[number].exists()]
        if kept and kept[-1] != self._at:
            restore_trained(self._model, str(self._folders[kept[-1]]))
            self._at = kept[-1]
        for number in range(0 if self._at is None else self._at + 1, point + 1):
            self._train(number)
        return self._folders[point]

    def _train(self, point: int) -> None:
        batches = make_batches(
            self._model,
            self._training,
            self._parsing,
            self._files,
            shuffle=True,
            between=self._plan.spans[point],
        )
        fit_passes(self._model, batches, self._passes if point else self._training.epochs)
        self._at = point
        self._save(self._folders[point])
        if point > 1:
            shutil.rmtree(self._folders[point - 1], ignore_errors=True)

    def _save(self, folder: Path) -> None:
        # Under its name a folder is complete, and it is the only one of its trial.
        shutil.rmtree(folder.parent, ignore_errors=True)
        unfinished = folder.with_name(folder.name + ".unfinished")
        save_trained(self._model, str(unfinished))
        unfinished.rename(folder)
