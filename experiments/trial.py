"""A trial, one model with one seed, and the file that says what came of it."""

from __future__ import annotations

import abc
import dataclasses
import hashlib
import json
import re
from pathlib import Path
from typing import Any, ClassVar

from lifelong.data import config_json
from lifelong.data.whole_file import write_atomically
from lifelong.experiments.data import ExperimentData
from lifelong.experiments.item_metrics import ItemMetrics
from lifelong.experiments.metrics import Metrics, overall

RESULT_FILE = "result.json"


@dataclasses.dataclass(frozen=True)
class Measured:
    """What is measured on a trial's model; None where it cannot be had.

    Attributes:
        metrics: On the eval split: all requests first, then by history length.
        validation_auc: Exact AUC on the validation split, of the weights that were kept; with
            `training.refit`, the best of the training's own log, before the model knew the split.
        ranking_ms: Median time of ranking the candidates of one real request, in milliseconds.
        by_item: On the eval split, by how well the training data know the candidates' items; none
            in results that were written before this was measured.
        parameters: Trained numbers.
        best_epoch: Epoch, counted from 1, that validation chose.
        epochs: Epochs trained, those ahead of them (`TrainedSearch`) left out.
        training_seconds: Wall-clock time of the training, validation passes included.
        training_requests_per_s: Training requests of all epochs, those ahead of them included, over that
            time.
    """

    metrics: tuple[Metrics, ...]
    validation_auc: float | None
    ranking_ms: float | None
    by_item: tuple[ItemMetrics, ...] = ()
    parameters: int | None = None
    best_epoch: int | None = None
    epochs: int | None = None
    training_seconds: float | None = None
    training_requests_per_s: float | None = None

    def outcome(self) -> str:
        """Says in a line how good the model is."""
        on_eval = overall(self.metrics)
        values = {
            "validation AUC": self.validation_auc,
            "eval AUC": on_eval.auc,
            "GAUC": on_eval.gauc,
        }
        return ", ".join(
            f"{name} {'-' if value is None else format(value, '.4f')}"
            for name, value in values.items()
        )


@dataclasses.dataclass(frozen=True)
class TrialResult:
    """The outcome of a finished trial, as its file keeps it.

    Attributes:
        name: The model.
        seed: The seed.
        fingerprint: Tells apart trials of other settings or other data.
        settings: What decided the model.
        measured: What is measured on it.
    """

    name: str
    seed: int
    fingerprint: str
    settings: dict[str, Any]
    measured: Measured


class Trial(abc.ABC):
    """One model with one seed.

    Attributes:
        measured_type: What `run` returns.
        seed: The seed.
    """

    measured_type: ClassVar[type[Measured]] = Measured

    seed: int

    @property
    @abc.abstractmethod
    def name(self) -> str:
        """The model, as tables name it."""

    @property
    def kind(self) -> str:
        """What trials have in common that take about as long: the model."""
        return self.name

    @abc.abstractmethod
    def settings(self) -> dict[str, Any]:
        """Returns all that decides the model, besides the data, as JSON has it."""

    @abc.abstractmethod
    def run(self, data: ExperimentData, folder: Path) -> Measured:
        """Makes the model and measures it.

        Args:
            data: The records.
            folder: The trial's own folder, which exists. What an interrupted run of the same trial
                left there is gone on from.
        """

    @property
    def slug(self) -> str:
        """Name of the trial's folder, different for every name and seed."""
        readable = re.sub(r"[^A-Za-z0-9.,=+_-]", "-", self.name)
        if readable != self.name:
            readable += "-" + hashlib.sha256(self.name.encode()).hexdigest()[:8]
        return f"{readable}-seed{self.seed}"

    def fingerprint(self, data: ExperimentData) -> str:
        """Returns what differs between trials of other settings or other data."""
        decisive = json.dumps([self.settings(), dataclasses.asdict(data)], sort_keys=True)
        return hashlib.sha256(decisive.encode()).hexdigest()[:16]


def write_result(result: TrialResult, folder: Path) -> None:
    """Writes a trial's result into its folder."""
    text = json.dumps(dataclasses.asdict(result), indent=2, allow_nan=False)
    write_atomically(folder / RESULT_FILE, text + "\n")


def read_result(folder: Path, measured_type: type[Measured] = Measured) -> TrialResult | None:
    """Reads a trial's result; None if its folder has none.

    Args:
        folder: The trial's folder.
        measured_type: What the trial measures.

    Raises:
        ValueError: If the file is not a result, or one of another version.
    """
    path = folder / RESULT_FILE
    if not path.exists():
        return None
    try:
        values = json.loads(path.read_text())
        measured = config_json.decode(measured_type, values.pop("measured"), "result.measured")
        return TrialResult(**values, measured=measured)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}; delete the file to run its trial again") from error
