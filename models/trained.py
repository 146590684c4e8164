"""The trained form of a model: specification and checkpoint, from which it can be built again."""

from __future__ import annotations

import tensorflow as tf

from lifelong.data.keys import RAW_ITEMS
from lifelong.models.config import ModelSpec
from lifelong.models.ctr_model import CTRModel
from lifelong.models.wire import wire_spec

# Where the Trainer puts it, beside the SavedModel in its model artifact.
TRAINED_FOLDER = "trained"

SPEC_FILE = "model.json"
_CHECKPOINT = "checkpoint"


def save_trained(model: CTRModel, folder: str) -> None:
    """Writes a model's specification, weights and optimizer state.

    Args:
        model: A trained model.
        folder: Path or URI to write to, made if missing.
    """
    tf.io.gfile.makedirs(folder)
    with tf.io.gfile.GFile(f"{folder}/{SPEC_FILE}", "w") as file:
        file.write(model.spec.to_json())
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
        return ModelSpec.from_json(file.read())


def load_trained(folder: str) -> CTRModel:
    """Builds the model that `save_trained` wrote, with its weights.

    Args:
        folder: Folder that `save_trained` wrote.

    Returns:
        The model, not compiled.

    Raises:
        FileNotFoundError: If the folder holds no trained model.
        AssertionError: If the checkpoint lacks a variable of the model.
    """
    model = CTRModel(read_spec(folder))
    # Read before there are variables: each is created from what was saved, and not filled twice.
    status = tf.train.Checkpoint(model=model).read(f"{folder}/{_CHECKPOINT}").expect_partial()
    build(model)
    status.assert_existing_objects_matched()
    return model


def restore_trained(model: CTRModel, folder: str) -> None:
    """Sets a model's weights and optimizer state to what `save_trained` wrote, to train it on.

    Args:
        model: A compiled model of the same specification, whose optimizer is built.
        folder: Folder that `save_trained` wrote.

    Raises:
        AssertionError: If the checkpoint lacks a variable of the model or its optimizer.
    """
    status = _checkpoint(model).read(f"{folder}/{_CHECKPOINT}")
    status.assert_existing_objects_matched().expect_partial()


def build(model: CTRModel) -> None:
    """Creates the variables of a model by scoring one request without events."""
    spec = wire_spec(model.spec.features)
    spec |= {raw: spec[key] for raw, key in RAW_ITEMS.items()}
    model({key: tf.zeros([1] * value.shape.rank, value.dtype) for key, value in spec.items()})


def _checkpoint(model: CTRModel) -> tf.train.Checkpoint:
    if getattr(model, "optimizer", None) is None:
        return tf.train.Checkpoint(model=model)
    return tf.train.Checkpoint(model=model, optimizer=model.optimizer)
