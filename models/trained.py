"""The trained form of a model: specification and checkpoint, from which it can be built again."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf

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
        folder: Folder to write, made if missing.
    """
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    (path / SPEC_FILE).write_text(model.spec.to_json())
    _checkpoint(model).write(str(path / _CHECKPOINT))


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
    path = Path(folder)
    if not (path / SPEC_FILE).exists():
        raise FileNotFoundError(f"{folder} holds no trained model: {SPEC_FILE} is missing")
    model = CTRModel(ModelSpec.from_json((path / SPEC_FILE).read_text()))
    build(model)
    status = tf.train.Checkpoint(model=model).read(str(path / _CHECKPOINT))
    status.assert_existing_objects_matched().expect_partial()
    return model


def restore_trained(model: CTRModel, folder: str) -> None:
    """Sets a model's weights and optimizer state to what `save_trained` wrote, to train it on.

    Args:
        model: A compiled model of the same specification, whose optimizer is built.
        folder: Folder that `save_trained` wrote.

    Raises:
        AssertionError: If the checkpoint lacks a variable of the model or its optimizer.
    """
    status = _checkpoint(model).read(str(Path(folder) / _CHECKPOINT))
    status.assert_existing_objects_matched().expect_partial()


def build(model: CTRModel) -> None:
    """Creates the variables of a model by scoring one request without events."""
    spec = wire_spec(model.spec.features)
    model({key: tf.zeros([1] * value.shape.rank, value.dtype) for key, value in spec.items()})


def _checkpoint(model: CTRModel) -> tf.train.Checkpoint:
    if getattr(model, "optimizer", None) is None:
        return tf.train.Checkpoint(model=model)
    return tf.train.Checkpoint(model=model, optimizer=model.optimizer)
