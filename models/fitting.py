"""Fitting a model to batches: epochs, when to stop, and going on where it was interrupted."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from lifelong.models.checkpoints import CheckpointFolder, checkpoint_folder
from lifelong.models.config import TrainingConfig
from lifelong.models.ctr_model import CTRModel
from lifelong.models.long_term import TrainedSearch
from lifelong.models.optimizers import make_optimizer
from lifelong.models.progress import EpochReport

keras: Any = tf.keras

_MONITOR = "val_auc"
# Of the checkpoints: a row for each epoch.
EPOCH_LOG = "epochs.csv"


def fit_passes(model: CTRModel, batches: tf.data.Dataset, passes: int) -> None:
    """Goes on training a model, without a validation that could stop it.

    Args:
        model: A compiled model; its optimizer goes on from its state.
        batches: Batches of requests, each pass in another order.
        passes: How often every request is trained on.
    """
    for number in range(1, passes + 1):
        # One by one: how many batches a pass makes varies with the shuffling.
        history = model.fit(batches, verbose=0).history
        print(
            f"[training] pass {number}/{passes}: loss {history['loss'][-1]:.4f} "
            f"AUC {history['auc'][-1]:.4f}",
            flush=True,
        )


def fit(
    model: CTRModel,
    training: TrainingConfig,
    train: tf.data.Dataset,
    train_requests: int,
    validation: tf.data.Dataset | None,
    checkpoints: str | os.PathLike[str],
    log_folder: str,
) -> CTRModel:
    """Trains a model until its validation AUC stops growing, or for all epochs without a validation.

    Args:
        model: A model that `begin` returned, or that has gone on from another.
        training: Epochs, step size, patience.
        train: Batches of training requests.
        train_requests: Requests in `train`. How many batches they make varies with the shuffling.
        validation: Batches of validation requests; None: no epoch is better than the last one.
        checkpoints: Path or URI for checkpoints. One that an interrupted training left is gone on from.
        log_folder: Folder of TensorBoard's logs.

    Returns:
        The model with the weights of its best epoch, or of the last one without a validation.
    """
    steps = math.ceil(train_requests / training.batch_size)
    train = train.repeat()
    with checkpoint_folder(checkpoints) as folder:
        if isinstance(model.long_term, TrainedSearch) and model.long_term.epochs_ahead:
            _fit_search(model, model.long_term, training, train, steps, folder)
        _cut_unfinished_line(folder.path / EPOCH_LOG)
        best_weights = folder.path / "best.weights.h5"
        choosing = []
        if validation is not None:
            best_so_far = max(validation_aucs(folder.path), default=None)
            if best_so_far is not None:
                print(
                    f"[training] goes on where it was interrupted; best AUC so far {best_so_far:.4f}"
                )
            choosing = [
                _BestWeights(best_weights, best_so_far),
                keras.callbacks.EarlyStopping(
                    _MONITOR, mode="max", patience=training.patience, baseline=best_so_far
                ),
            ]
        model.fit(
            train,
            steps_per_epoch=steps,
            validation_data=validation,
            epochs=training.epochs,
            verbose=0,
            callbacks=[
                *choosing,
                keras.callbacks.CSVLogger(str(folder.path / EPOCH_LOG), append=True),
                keras.callbacks.TensorBoard(log_folder, update_freq=100),
                EpochReport(training.epochs, steps),
                keras.callbacks.BackupAndRestore(
                    str(folder.path / "backup"), delete_checkpoint=False
                ),
                folder.callback(),
            ],
        )
        if validation is not None:
            model.load_weights(str(best_weights))
            aucs = validation_aucs(folder.path)
            if len(aucs) == training.epochs and aucs[-1] == max(aucs):
                print(
                    f"[training] the last of {training.epochs} epochs was the best one: more of them "
                    "(training.epochs) may be better"
                )
    return model


def validation_aucs(checkpoints: str | os.PathLike[str]) -> list[float]:
    """Returns the validation AUC of each epoch that a training has finished, the first one first.

    An epoch that a kill after its row made it train again counts once, by the higher AUC: the weights
    of that one are kept if it is the best.

    Args:
        checkpoints: Path or URI of its checkpoints.
    """
    log = f"{os.fspath(checkpoints)}/{EPOCH_LOG}"
    if not tf.io.gfile.exists(log):
        return []
    aucs: dict[str, float] = {}
    with tf.io.gfile.GFile(log) as file:
        for row in csv.DictReader(file):
            auc = float(row[_MONITOR])
            aucs[row["epoch"]] = max(auc, aucs.get(row["epoch"], auc))
    return list(aucs.values())


class _BestWeights(keras.callbacks.Callback):
    """Saves the weights of the best epoch so far, as a whole: the disk may be full in the middle.

    Args:
        path: The file.
        best: What an interrupted run had reached, whose weights are there; None: there was none.
    """

    def __init__(self, path: Path, best: float | None) -> None:
        super().__init__()
        self._path = path
        self._best = -math.inf if best is None else best

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Saves the weights if this epoch is the best."""
        reached = (logs or {})[_MONITOR]
        if reached > self._best:
            self._best = reached
            _save_weights(self.model, self._path)


def _save_weights(model: CTRModel, path: Path) -> None:
    # Under its name a file is complete.
    unfinished = path.with_name("unfinished.weights.h5")
    model.save_weights(str(unfinished))
    unfinished.replace(path)


def _fit_search(
    model: CTRModel,
    part: TrainedSearch,
    training: TrainingConfig,
    train: tf.data.Dataset,
    steps: int,
    folder: CheckpointFolder,
) -> None:
    """Trains the search of a model ahead of it; or loads what an earlier run trained."""
    weights = folder.path / "search.weights.h5"
    if not weights.exists():
        print(f"[training] epochs ahead, for the search: {part.epochs_ahead}")
        part.begin_ahead()
        # Other parts may add losses of their own.
        others = [layer for layer in model.layers if layer is not part] if part.alone else []
        _set_trainable(others, False)
        compile_model(model, training)
        model.fit(train, steps_per_epoch=steps, epochs=part.epochs_ahead, verbose=0)
        _set_trainable(others, True)
        _save_weights(model, weights)
        folder.keep()
    model.load_weights(str(weights))
    part.end_ahead()
    compile_model(model, training)


def compile_model(model: CTRModel, training: TrainingConfig) -> None:
    """Gives a model the optimizer of its training, and losses of what is trainable now."""
    model.compile(optimizer=make_optimizer(training.optimizer, training.learning_rate))


def _set_trainable(layers: list[Any], trainable: bool) -> None:
    for layer in layers:
        layer.trainable = trainable


def _cut_unfinished_line(epoch_log: Path) -> None:
    """Removes the line that a killed run, or one without room on the disk, had begun."""
    if epoch_log.exists():
        data = epoch_log.read_bytes()
        epoch_log.write_bytes(data[: data.rfind(b"\n") + 1])
