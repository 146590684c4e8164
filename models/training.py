"""Training of the model: the Trainer component's `run_fn`."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

from lifelong.data import config_json
from lifelong.data.contract import DataContract
from lifelong.data.features import Feature
from lifelong.data.item_table import StoredItems, items_path
from lifelong.models.checkpoints import CheckpointFolder, checkpoint_folder
from lifelong.models.config import ModelConfig, ModelSpec, TrainingConfig
from lifelong.models.ctr_model import CTRModel
from lifelong.models.export import export_model, newest_statistics
from lifelong.models.growth import go_on_from, keep_room
from lifelong.models.item_features import ItemEncoding, ItemSource
from lifelong.models.long_term import TrainedSearch
from lifelong.models.optimizers import make_optimizer
from lifelong.models.progress import EpochReport
from lifelong.models.reader import count_requests, request_dataset
from lifelong.models.trained import TRAINED_FOLDER, build, save_trained
from lifelong.models.vocabulary_files import transforms_vocabulary, vocabulary_names

keras: Any = tf.keras


_MONITOR = "val_auc"


def run_fn(fn_args: Any) -> None:
    """Trains the model that `custom_config` describes and writes it, trained and as a SavedModel.

    Args:
        fn_args: TFX's `FnArgs`. `custom_config` holds `model` and `training` (fields of
            `ModelConfig` and `TrainingConfig`), `features` (a list of `Feature` fields),
            `checkpoint_folder`, where an interrupted training goes on from its last epoch, and
            optionally `data_contract` (of `ModelSpec`) and `item_features` (like `features`). The
            Trainer adds `day_statistics`, `vocabularies` and `item_table`, paths or URIs of artifacts. A
            `base_model` is trained on.
    """
    custom_config = fn_args.custom_config
    transform_output = tft.TFTransformOutput(fn_args.transform_graph_path)
    base = fn_args.base_model
    run_key = json.dumps(
        [
            custom_config,
            fn_args.train_files,
            fn_args.eval_files,
            fn_args.transform_graph_path,
            base,
        ]
    )
    run_name = hashlib.sha256(run_key.encode()).hexdigest()[:16]
    checkpoints = f"{custom_config['checkpoint_folder']}/{run_name}"
    model = train(
        make_spec(custom_config, transform_output),
        TrainingConfig(**custom_config["training"]),
        transform_output,
        fn_args.train_files,
        fn_args.eval_files,
        checkpoints,
        fn_args.model_run_dir,
        f"{base.rpartition('/')[0]}/{TRAINED_FOLDER}" if base else None,
        item_source(custom_config),
    )
    save_trained(model, f"{fn_args.serving_model_dir.rpartition('/')[0]}/{TRAINED_FOLDER}")
    export_model(
        model,
        transform_output,
        fn_args.serving_model_dir,
        statistics=newest_statistics(model, custom_config.get("day_statistics", "")),
    )
    tf.io.gfile.rmtree(checkpoints)


def train(
    spec: ModelSpec,
    training: TrainingConfig,
    transform_output: tft.TFTransformOutput,
    train_files: Sequence[str],
    validation_files: Sequence[str],
    checkpoints: str | os.PathLike[str],
    log_folder: str,
    base: str | None = None,
    items: ItemSource | None = None,
) -> CTRModel:
    """Trains a model on files of transformed records.

    Args:
        spec: Architecture, features and vocabulary sizes.
        training: Epochs, batches, seed.
        transform_output: Transform's output, for the form of the records.
        train_files: File patterns of the training records.
        validation_files: File patterns of the records that decide when to stop.
        checkpoints: Path or URI for checkpoints. One that an interrupted training left is gone on from.
        log_folder: Folder of TensorBoard's logs.
        base: Folder of a trained model that is trained on, see `go_on_from`. None: training begins
            with the weights that the seed decides.
        items: Where features of items come from; None: the model reads none.

    Returns:
        The model with the weights of its best epoch.

    Raises:
        ValueError: If no file fits the patterns, or the model cannot go on from its base.
    """
    parsing = transform_output.transformed_feature_spec()
    if base is not None:
        spec = keep_room(spec, base)
    model = begin(spec, training, transform_output, items)
    if base is not None:
        new_ids = go_on_from(model, base, transform_output, train_files)
        told = ", ".join(f"{count:,} {name}" for name, count in new_ids.items())
        print(f"[training] goes on with the model of {base}; new ids: {told}")
    return fit(
        model,
        training,
        make_batches(model, training, parsing, train_files, shuffle=True),
        count_requests(train_files, parsing),
        make_batches(model, training, parsing, validation_files, shuffle=False),
        checkpoints=checkpoints,
        log_folder=log_folder,
    )


def make_batches(
    model: CTRModel,
    training: TrainingConfig,
    parsing: Mapping[str, Any],
    files: Sequence[str],
    shuffle: bool,
    between: tuple[int, int] | None = None,
) -> tf.data.Dataset:
    """Reads records as the batches that a model is trained on.

    Args:
        model: The model, for its window and its item table.
        training: Batch size, pools and seed.
        parsing: Parsing specification of the records.
        files: File patterns of transformed records.
        shuffle: Whether to shuffle.
        between: Which requests, by time; see `request_dataset`.

    Raises:
        ValueError: If no file fits the patterns.
    """
    items = model.embeddings.item_features
    return request_dataset(
        files,
        parsing,
        window=model.spec.model.window,
        batch_size=training.batch_size,
        pool_users=training.pool_users,
        shuffle=shuffle,
        seed=training.seed,
        between=between,
        items=items.items.numpy() if items is not None else None,
        evidence_length=model.spec.model.evidence_length,
    )


def make_spec(custom_config: dict[str, Any], transform_output: tft.TFTransformOutput) -> ModelSpec:
    """Joins the configuration (see `run_fn`) with the sizes of the vocabularies."""
    features = tuple(Feature(**fields) for fields in custom_config["features"])
    item_features = tuple(Feature(**fields) for fields in custom_config.get("item_features", ()))
    config = config_json.decode(ModelConfig, custom_config["model"], "model")
    vocabularies = {
        name: transforms_vocabulary(transform_output, name) for name in vocabulary_names(features)
    }
    items = item_source(custom_config)
    if items is not None:
        vocabularies |= ItemEncoding.read(items.vocabularies, item_features).vocabularies
    sizes = {name: len(known.ids) + 1 for name, known in vocabularies.items()}
    told = custom_config.get("data_contract")
    contract = told and config_json.decode(DataContract, told, "data_contract")
    digests = {name: known.digest() for name, known in vocabularies.items()}
    spec = ModelSpec(config, features, sizes, {}, contract, digests, item_features)
    spare = {name: math.ceil(config.spare_share * spec.used_rows(name)) for name in sizes}
    return dataclasses.replace(spec, spare_rows=spare)


def item_source(custom_config: Mapping[str, Any]) -> ItemSource | None:
    """Returns where features of items come from (see `run_fn`); None if the model reads none."""
    if not custom_config.get("item_features"):
        return None
    return ItemSource(custom_config["item_table"], custom_config["vocabularies"])


def begin(
    spec: ModelSpec,
    training: TrainingConfig,
    transform_output: tft.TFTransformOutput,
    items: ItemSource | None = None,
) -> CTRModel:
    """Builds a model to train, with the weights that the seed decides and its optimizer.

    Args:
        spec: Architecture, features and vocabulary sizes.
        training: Seed and step size.
        transform_output: Transform's output, for the counts of items.
        items: Where features of items come from; None: the model reads none.

    Returns:
        The model, compiled. Its optimizer has all of its variables, so that `restore_trained` finds
        them.
    """
    keras.utils.set_random_seed(training.seed)
    model = CTRModel(spec)
    build(model)
    if model.embeddings.item_features is not None:
        assert items is not None
        encoding = ItemEncoding.read(items.vocabularies, spec.item_features)
        model.embeddings.item_features.fill(StoredItems(items_path(items.table)), encoding)
    _compile(model, training)
    model.optimizer.build(model.trainable_variables)
    return model


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
    validation: tf.data.Dataset,
    checkpoints: str | os.PathLike[str],
    log_folder: str,
) -> CTRModel:
    """Trains a model until its validation AUC stops growing.

    Args:
        model: A model that `begin` returned, or that has gone on from another.
        training: Epochs, step size, patience.
        train: Batches of training requests.
        train_requests: Requests in `train`. How many batches they make varies with the shuffling.
        validation: Batches of validation requests.
        checkpoints: Path or URI for checkpoints. One that an interrupted training left is gone on from.
        log_folder: Folder of TensorBoard's logs.

    Returns:
        The model with the weights of its best epoch.
    """
    steps = math.ceil(train_requests / training.batch_size)
    train = train.repeat()
    with checkpoint_folder(checkpoints) as folder:
        if isinstance(model.long_term, TrainedSearch) and model.long_term.epochs_ahead:
            _fit_search(model, model.long_term, training, train, steps, folder)
        best_weights = folder.path / "best.weights.h5"
        epoch_log = folder.path / "epochs.csv"
        _cut_unfinished_line(epoch_log)
        best_so_far = _best_logged(epoch_log)
        if best_so_far is not None:
            print(f"[training] goes on where it was interrupted; best AUC so far {best_so_far:.4f}")
        model.fit(
            train,
            steps_per_epoch=steps,
            validation_data=validation,
            epochs=training.epochs,
            verbose=0,
            callbacks=[
                _BestWeights(best_weights, best_so_far),
                keras.callbacks.CSVLogger(str(epoch_log), append=True),
                keras.callbacks.EarlyStopping(
                    _MONITOR, mode="max", patience=training.patience, baseline=best_so_far
                ),
                keras.callbacks.TensorBoard(log_folder, update_freq=100),
                EpochReport(training.epochs, steps),
                keras.callbacks.BackupAndRestore(
                    str(folder.path / "backup"), delete_checkpoint=False
                ),
                *folder.callbacks(),
            ],
        )
        model.load_weights(str(best_weights))
    return model


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
        print(f"[training] the search ahead of the model, {part.epochs_ahead} epochs")
        part.begin_ahead()
        # Other parts may add losses of their own.
        others = [layer for layer in model.layers if layer is not part] if part.alone else []
        _set_trainable(others, False)
        _compile(model, training)
        model.fit(train, steps_per_epoch=steps, epochs=part.epochs_ahead, verbose=0)
        _set_trainable(others, True)
        _save_weights(model, weights)
        folder.keep()
    model.load_weights(str(weights))
    part.end_ahead()
    _compile(model, training)


def _compile(model: CTRModel, training: TrainingConfig) -> None:
    model.compile(optimizer=make_optimizer(training.optimizer, training.learning_rate))


def _set_trainable(layers: list[Any], trainable: bool) -> None:
    for layer in layers:
        layer.trainable = trainable


def _cut_unfinished_line(epoch_log: Path) -> None:
    """Removes the line that a killed run, or one without room on the disk, had begun."""
    if epoch_log.exists():
        data = epoch_log.read_bytes()
        epoch_log.write_bytes(data[: data.rfind(b"\n") + 1])


def _best_logged(epoch_log: Path) -> float | None:
    if not epoch_log.exists():
        return None
    with epoch_log.open() as rows:
        values = [float(row[_MONITOR]) for row in csv.DictReader(rows)]
    return max(values, default=None)
