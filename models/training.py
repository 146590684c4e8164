"""Training of the model: the Trainer component's `run_fn`."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

from lifelong.data import config_json
from lifelong.data.contract import DataContract
from lifelong.data.features import Feature
from lifelong.data.item_table import StoredItems, items_path
from lifelong.models.config import ModelConfig, ModelSpec, TrainingConfig
from lifelong.models.ctr_model import CTRModel
from lifelong.models.export import export_model, newest_statistics
from lifelong.models.fitting import compile_model, fit, validation_aucs
from lifelong.models.growth import go_on_from, keep_room
from lifelong.models.item_features import ItemEncoding, ItemSource
from lifelong.models.randomness import seed_training
from lifelong.models.reader import count_requests, request_dataset
from lifelong.models.trained import TRAINED_FOLDER, build, save_trained
from lifelong.models.vocabulary_files import transforms_vocabulary, vocabulary_names

keras: Any = tf.keras

# Tells how many epochs validation has chosen.
_CHOSEN = "chosen_epochs.txt"


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
        The model with the weights of its best epoch; with `refit`, of the last one, after as many epochs
        on all records.

    Raises:
        ValueError: If no file fits the patterns, or the model cannot go on from its base.
    """
    parsing = transform_output.transformed_feature_spec()
    if base is not None:
        spec = keep_room(spec, base)

    def fit_new(
        settings: TrainingConfig, files: Sequence[str], choose_on: Sequence[str], part: str
    ) -> CTRModel:
        model = begin(spec, training, transform_output, items)
        if base is not None:
            new_ids = go_on_from(model, base, transform_output, train_files)
            told = ", ".join(f"{count:,} {name}" for name, count in new_ids.items())
            print(f"[training] goes on with the model of {base}; new ids: {told}")
        read = functools.partial(make_batches, model, settings, parsing)
        return fit(
            model,
            settings,
            functools.partial(read, files, shuffle=True),
            count_requests(files, parsing),
            read(choose_on, shuffle=False) if choose_on else None,
            f"{os.fspath(checkpoints)}{part}",
            f"{log_folder}{part}",
        )

    if not training.refit:
        return fit_new(training, train_files, validation_files, "")
    # Beside the checkpoints once the epochs are chosen, so that it is not done again after a kill.
    chosen = f"{os.fspath(checkpoints)}/{_CHOSEN}"
    if not tf.io.gfile.exists(chosen):
        fit_new(training, train_files, validation_files, "")
        aucs = validation_aucs(checkpoints)
        _write_whole(chosen, str(1 + aucs.index(max(aucs))))
    with tf.io.gfile.GFile(chosen) as file:
        epochs = int(file.read())
    print(
        f"[training] validation chose {epochs} epochs; a new model is trained on its requests, too"
    )
    again = dataclasses.replace(training, epochs=epochs)
    return fit_new(again, [*train_files, *validation_files], (), "/refit")


def _write_whole(path: str, text: str) -> None:
    # Under its name a file is complete.
    with tf.io.gfile.GFile(f"{path}.part", "w") as file:
        file.write(text)
    tf.io.gfile.rename(f"{path}.part", path, overwrite=True)


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
    seed_training(training.seed)
    model = CTRModel(spec)
    build(model)
    if model.embeddings.item_features is not None:
        assert items is not None
        encoding = ItemEncoding.read(items.vocabularies, spec.item_features)
        model.embeddings.item_features.fill(StoredItems(items_path(items.table)), encoding)
    compile_model(model, training)
    model.optimizer.build(model.trainable_variables)
    return model
