"""A trial of the network: trained from scratch, scored as it would be served."""

from __future__ import annotations

import dataclasses
import gc
import json
import shutil
import time
from pathlib import Path
from typing import Any

import tensorflow as tf

from lifelong.data.whole_file import write_atomically
from lifelong.experiments.data import ExperimentData
from lifelong.experiments.network_scores import measure_network
from lifelong.experiments.trial import Measured, Trial
from lifelong.experiments.variant import Variant
from lifelong.models.config import TrainingConfig
from lifelong.models.fitting import EPOCH_LOG, validation_aucs
from lifelong.models.long_term import TrainedSearch
from lifelong.models.reader import count_requests
from lifelong.models.trained import TRAINED_FOLDER, load_trained, save_trained
from lifelong.models.training import train

keras: Any = tf.keras

_TRAINING_FILE = "training.json"
_CLOCK_FILE = "clock.json"


@dataclasses.dataclass(frozen=True)
class _Trained:
    """What is known of a finished training; see `Measured`."""

    fingerprint: str
    validation_auc: float
    best_epoch: int
    epochs: int
    training_seconds: float
    training_requests_per_s: float


@dataclasses.dataclass(frozen=True)
class NetworkTrial(Trial):
    """Trains a variant of the network, keeps its weights and measures it.

    Attributes:
        variant: The model.
        seed: Seed of initial weights, shuffling and dropout.
    """

    variant: Variant
    seed: int

    @property
    def name(self) -> str:
        """The variant's name."""
        return self.variant.name

    @property
    def training(self) -> TrainingConfig:
        """How it is trained, with the trial's seed."""
        return dataclasses.replace(self.variant.training, seed=self.seed)

    def settings(self) -> dict[str, Any]:
        """Returns the fields of architecture and training."""
        return {
            "model": dataclasses.asdict(self.variant.model),
            "training": dataclasses.asdict(self.training),
        }

    def run(self, data: ExperimentData, folder: Path) -> Measured:
        """Trains, unless an earlier run of the same trial came that far, and measures."""
        forget_earlier_models()
        trained = finished_training(self, data, folder)
        if trained is None:
            trained = self._train(data, folder)
        model = load_trained(str(folder / TRAINED_FOLDER), data.item_table)
        parameters = sum(variable.shape.num_elements() for variable in model.trainable_variables)
        measured = measure_network(model, data, folder)
        if self.training.refit:
            # The model knows the validation split by now: what was reached before tells its worth.
            measured = dataclasses.replace(measured, validation_auc=trained.validation_auc)
        return dataclasses.replace(
            measured,
            parameters=parameters,
            best_epoch=trained.best_epoch,
            epochs=trained.epochs,
            training_seconds=trained.training_seconds,
            training_requests_per_s=trained.training_requests_per_s,
        )

    def _train(self, data: ExperimentData, folder: Path) -> _Trained:
        # Other settings or data have other checkpoints: they must not go on from these.
        checkpoints = folder / "checkpoints" / self.fingerprint(data)
        checkpoints.mkdir(parents=True, exist_ok=True)
        transform_output = data.transform_output()
        files = data.transformed_files("train")
        seconds_before = start_clock(checkpoints)
        started = time.time()
        model = train(
            data.spec(self.variant.model),
            self.training,
            transform_output,
            files,
            data.transformed_files("validation"),
            checkpoints,
            str(folder / "logs"),
            items=data.items,
        )
        seconds = seconds_before + time.time() - started
        aucs = validation_aucs(checkpoints)
        best_epoch = 1 + aucs.index(max(aucs))
        parsing = transform_output.transformed_feature_spec()
        part = model.long_term
        ahead = part.epochs_ahead if isinstance(part, TrainedSearch) else 0
        requests = count_requests(files, parsing) * (ahead + len(aucs))
        if self.training.refit:
            every = [*files, *data.transformed_files("validation")]
            requests += count_requests(every, parsing) * (ahead + best_epoch)
        trained = _Trained(
            fingerprint=self.fingerprint(data),
            validation_auc=max(aucs),
            best_epoch=best_epoch,
            epochs=len(aucs),
            training_seconds=seconds,
            training_requests_per_s=requests / seconds,
        )
        # The file vouches for the weights, so that it goes first and comes last.
        (folder / _TRAINING_FILE).unlink(missing_ok=True)
        save_trained(model, str(folder / TRAINED_FOLDER))
        write_atomically(folder / _TRAINING_FILE, json.dumps(dataclasses.asdict(trained)))
        shutil.rmtree(folder / "checkpoints")
        return trained


def finished_training(trial: Trial, data: ExperimentData, folder: Path) -> _Trained | None:
    """Returns what is known of a trial's training if the folder holds its weights, else None."""
    path = folder / _TRAINING_FILE
    if not path.exists():
        return None
    noted = json.loads(path.read_text())
    return _Trained(**noted) if noted["fingerprint"] == trial.fingerprint(data) else None


def forget_earlier_models() -> None:
    """Frees what earlier models left in this process: names, graphs, memory."""
    keras.backend.clear_session()
    gc.collect()


def start_clock(checkpoints: Path) -> float:
    """Notes that training starts and returns the seconds of interrupted ones up to their last epoch.

    What a killed training did after its last epoch is done again, so that it does not count.

    Args:
        checkpoints: Folder of the training's checkpoints.
    """
    clock, epochs = checkpoints / _CLOCK_FILE, [*checkpoints.rglob(EPOCH_LOG)]
    seconds = 0.0
    if clock.exists():
        noted = json.loads(clock.read_text())
        seconds = noted["seconds_before"]
        if epochs:
            last = max(log.stat().st_mtime for log in epochs)
            seconds += max(last - noted["started"], 0.0)
    write_atomically(clock, json.dumps({"seconds_before": seconds, "started": time.time()}))
    return seconds
