"""Fitting a model to batches: epochs, when to stop, and going on where it was interrupted."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

# Keras's callback needs it, and TensorFlow 2.21 no longer brings it: told before anything is trained.
import tensorboard  # noqa: F401
import tensorflow as tf

from lifelong.models.checkpoints import CheckpointFolder, checkpoint_folder
from lifelong.models.config import TrainingConfig
from lifelong.models.ctr_model import CTRModel
from lifelong.models.long_term import TrainedSearch
from lifelong.models.optimizers import make_optimizer
from lifelong.models.progress import EpochReport
from lifelong.models.randomness import SeedEpochs

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
    read_train: Callable[[], tf.data.Dataset],
    train_requests: int,
    validation: tf.data.Dataset | None,
    checkpoints: str | os.PathLike[str],
    log_folder: str,
) -> CTRModel:
    """Trains a model until its validation AUC stops growing, or for all epochs without a validation.

    A training that was interrupted goes on after its last epoch as it would have: with the weights, the
    optimizer's state, the order of the requests and the random numbers that it would have had.

    Args:
        model: A model that `begin` returned, or that has gone on from another.
        training: Epochs, step size, patience.
        read_train: Returns the batches of training requests, in the same order whenever it is called.
        train_requests: Requests in them. How many batches they make varies with the shuffling.
        validation: Batches of validation requests; None: no epoch is better than the last one.
        checkpoints: Path or URI for checkpoints. One that an interrupted training left is gone on from.
        log_folder: Folder of TensorBoard's logs.

    Returns:
        The model with the weights of its best epoch, or of the last one without a validation.
    """
    steps = math.ceil(train_requests / training.batch_size)
    with checkpoint_folder(checkpoints) as folder:
        if isinstance(model.long_term, TrainedSearch) and model.long_term.epochs_ahead:
            _fit_search(model, model.long_term, training, read_train, steps, folder)
        _cut_unfinished_line(folder.path / EPOCH_LOG)
        backup = _Backup(model, folder.path / "backup")
        begun = backup.restore()
        aucs = validation_aucs(folder.path)[:begun] if validation is not None else []
        best = _BestEpoch(folder.path / "best.weights.h5", aucs, training.patience)
        if aucs:
            print(f"[training] goes on where it was interrupted; best AUC so far {best.auc:.4f}")
        model.fit(
            read_train().repeat().skip(begun * steps),
            steps_per_epoch=steps,
            validation_data=validation,
            initial_epoch=begun,
            epochs=begun if aucs and best.is_over else training.epochs,
            verbose=0,
            callbacks=[
                SeedEpochs(training.seed),
                *([best] if validation is not None else []),
                keras.callbacks.CSVLogger(str(folder.path / EPOCH_LOG), append=True),
                keras.callbacks.TensorBoard(log_folder, update_freq=100),
                EpochReport(training.epochs, steps),
                backup,
                folder.callback(),
            ],
        )
        if validation is not None:
            model.load_weights(str(best.path))
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


class _BestEpoch(keras.callbacks.Callback):
    """Saves the weights of the best epoch so far, and ends a training that gets no better.

    Args:
        path: File of the weights; written as a whole, as the disk may be full in the middle.
        aucs: Validation AUC of the epochs that an interrupted training had finished.
        patience: Epochs without a better one after which the training ends.
    """

    def __init__(self, path: Path, aucs: Sequence[float], patience: int) -> None:
        super().__init__()
        self.path = path
        self.auc = -math.inf
        self._waited = 0
        self._patience = patience
        for auc in aucs:
            self._is_best(auc)

    @property
    def is_over(self) -> bool:
        """Whether there were as many epochs without a better one as the patience allows."""
        return self._waited >= max(self._patience, 1)

    def _is_best(self, auc: float) -> bool:
        better = auc > self.auc
        self.auc, self._waited = (auc, 0) if better else (self.auc, self._waited + 1)
        return better

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Saves the weights if this epoch is the best."""
        if self._is_best((logs or {})[_MONITOR]):
            _save_weights(self.model, self.path)
        self.model.stop_training = self.is_over


class _Backup(keras.callbacks.Callback):
    """Saves after each epoch what a training needs to go on: weights, optimizer, number of the epoch.

    Args:
        model: The model, whose variables and optimizer's variables are there.
        folder: Folder of the checkpoints.
    """

    def __init__(self, model: CTRModel, folder: Path) -> None:
        super().__init__()
        self._epochs = tf.Variable(0, dtype=tf.int64)
        state = tf.train.Checkpoint(model=model, optimizer=model.optimizer, epochs=self._epochs)
        self._manager = tf.train.CheckpointManager(state, str(folder), max_to_keep=1)

    def restore(self) -> int:
        """Restores the newest state, if there is one; returns the number of epochs that were finished."""
        if self._manager.latest_checkpoint:
            state = self._manager.checkpoint.restore(self._manager.latest_checkpoint)
            state.assert_existing_objects_matched()
        return int(self._epochs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Saves the state."""
        self._epochs.assign(epoch + 1)
        self._manager.save()


def _save_weights(model: CTRModel, path: Path) -> None:
    # Under its name a file is complete.
    unfinished = path.with_name("unfinished.weights.h5")
    model.save_weights(str(unfinished))
    unfinished.replace(path)


def _fit_search(
    model: CTRModel,
    part: TrainedSearch,
    training: TrainingConfig,
    read_train: Callable[[], tf.data.Dataset],
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
        model.fit(
            read_train().repeat(),
            steps_per_epoch=steps,
            epochs=part.epochs_ahead,
            verbose=0,
            callbacks=[SeedEpochs(training.seed)],
        )
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
