"""The trained form of a model: specification and checkpoint, from which it can be built again."""

from __future__ import annotations

import tensorflow as tf

from lifelong.data.item_table import StoredItems, items_path
from lifelong.models.config import ModelSpec
from lifelong.models.ctr_model import CTRModel
from lifelong.models.item_features import ItemEncoding
from lifelong.models.vocabulary_files import RAW_IDS
from lifelong.models.wire import evidence_wire_spec, statistics_wire_spec, wire_spec

# Where the Trainer puts it, beside the SavedModel in its model artifact.
TRAINED_FOLDER = "trained"

SPEC_FILE = "model.json"
_CHECKPOINT = "checkpoint"
_ITEM_ENCODING = "item_features"


def save_trained(model: CTRModel, folder: str) -> None:
    """Writes a model's specification, weights and optimizer state, but not the item table.

    Args:
        model: A trained model.
        folder: Path or URI to write to, made if missing.
    """
    tf.io.gfile.makedirs(folder)
    with tf.io.gfile.GFile(f"{folder}/{SPEC_FILE}", "w") as file:
        file.write(model.spec.to_json())
    items = model.embeddings.item_features
    if items is not None:
        assert items.encoding is not None
        items.encoding.write(f"{folder}/{_ITEM_ENCODING}")
    _checkpoint(model).write(f"{folder}/{_CHECKPOINT}")


def read_spec(folder: str) -> ModelSpec:
    """Reads the specification of the model that `save_trained` wrote.

    Args:
        folder: Folder that `save_trained` wrote.

    Raises:
        FileNotFoundError: If the folder holds no trained model.
        ValueError: If another version of lifelong wrote it.
    """
    spec_file = f"{folder}/{SPEC_FILE}"
    if not tf.io.gfile.exists(spec_file):
        raise FileNotFoundError(f"{folder} holds no trained model: {SPEC_FILE} is missing")
    with tf.io.gfile.GFile(spec_file) as file:
        text = file.read()
    try:
        return ModelSpec.from_json(text)
    except ValueError as error:
        raise ValueError(
            f"{spec_file}: {error}. If another version of lifelong wrote it, train a new model "
            "(`lifelong run`, without training.go_on)"
        ) from error


def load_trained(folder: str, item_table: str = "") -> CTRModel:
    """Builds the model that `save_trained` wrote, with its weights.

    Args:
        folder: Folder that `save_trained` wrote.
        item_table: Path or URI of the item table that the model is to look features up in. Empty: the
            model reads no features of items.

    Returns:
        The model, not compiled.

    Raises:
        FileNotFoundError: If the folder holds no trained model.
        ValueError: If the model reads features of items, and no table, or another one, is given.
        AssertionError: If the checkpoint lacks a variable of the model.
    """
    model = CTRModel(read_spec(folder))
    # Read before there are variables: each is created from what was saved, and not filled twice.
    status = tf.train.Checkpoint(model=model).read(f"{folder}/{_CHECKPOINT}").expect_partial()
    build(model)
    status.assert_existing_objects_matched()
    items = model.embeddings.item_features
    if items is not None:
        if not item_table:
            names = ", ".join(feature.name for feature in model.spec.item_features)
            raise ValueError(f"the model in {folder} reads {names} of items; give it an item table")
        encoding = ItemEncoding.read(f"{folder}/{_ITEM_ENCODING}", model.spec.item_features)
        items.fill(StoredItems(items_path(item_table)), encoding)
    return model


def restore_trained(model: CTRModel, folder: str) -> None:
    """Sets a model's weights and optimizer state to what `save_trained` wrote, to train it on.

    Args:
        model: A model of the same specification, built. If it is compiled, its optimizer is built, too.
        folder: Folder that `save_trained` wrote.

    Raises:
        AssertionError: If the checkpoint lacks a variable of the model or its optimizer.
    """
    status = _checkpoint(model).read(f"{folder}/{_CHECKPOINT}")
    status.assert_existing_objects_matched().expect_partial()


def build(model: CTRModel) -> None:
    """Creates the variables of a model by scoring one request without events."""
    spec = wire_spec(model.spec.features)
    spec |= {raw: spec[key] for raw, key in RAW_IDS.items()}
    spec |= evidence_wire_spec() | statistics_wire_spec()
    model({key: tf.zeros([n or 1 for n in it.shape], it.dtype) for key, it in spec.items()})


def _checkpoint(model: CTRModel) -> tf.train.Checkpoint:
    if getattr(model, "optimizer", None) is None:
        return tf.train.Checkpoint(model=model)
    return tf.train.Checkpoint(model=model, optimizer=model.optimizer)
