"""Goes on with a trained model whose vocabularies have grown: known ids keep rows and slots."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft

from lifelong.data.keys import CANDIDATE, HISTORY
from lifelong.models.config import ModelSpec
from lifelong.models.ctr_model import CTRModel
from lifelong.models.reader import serialized_records
from lifelong.models.trained import build, read_spec, restore_trained
from lifelong.models.unknown_items import ITEM_ID
from lifelong.models.vocabulary_files import UNKNOWN, transforms_vocabulary

# Records read at a time.
_READ_TOGETHER = 256


def go_on_from(
    model: CTRModel, folder: str, transform_output: tft.TFTransformOutput, files: Sequence[str]
) -> dict[str, int]:
    """Sets a model's weights and optimizer state to those of a trained one that knows fewer ids.

    The ids that the trained model knew keep their rows and slots. A new one starts as what it was
    looked up as until now, an unknown one, and without a past in the optimizer: the scores of
    requests whose ids are as known as before stay what they were. So does the popularity of items,
    until `Embeddings.count_items` sets it anew. The step size is the model's own.

    Args:
        model: A compiled model whose optimizer is built, of the same architecture.
        folder: Folder that `save_trained` wrote.
        transform_output: Transform's output, whose vocabularies the model has.
        files: File patterns of the training records, for the categories of new items.

    Returns:
        The number of new ids by vocabulary.

    Raises:
        ValueError: If the trained model has another architecture or other features, or if its ids
            have other rows.
        AssertionError: If the checkpoint lacks a variable, as that of another optimizer does.
    """
    spec, earlier = model.spec, read_spec(folder)
    _check_continues(spec, earlier, folder)
    for name, digest in earlier.vocabulary_digests.items():
        known = transforms_vocabulary(transform_output, name).first(earlier.known(name))
        if known.digest() != digest:
            raise ValueError(
                f"the ids of the vocabulary {name} have other rows in the model of {folder}: these "
                "vocabularies do not continue its own; train a new model"
            )
    base = _load(model, earlier, folder)
    step_size = model.optimizer.learning_rate.numpy()
    for new, old in zip(_state(model), _state(base), strict=True):
        new.assign(old) if new.shape == old.shape else _assign_first_rows(new, old)
    model.optimizer.learning_rate = step_size
    for table in model.id_tables():
        first, end = (of.used_rows(table.vocabulary) for of in (earlier, spec))
        if end > first:
            unknown = UNKNOWN
            if table.vocabulary == "item":
                unknown = _rows_so_far(model, earlier, transform_output, files)
            shape = [end - first, *table.variable.shape[1:]]
            start = tf.broadcast_to(tf.gather(table.variable, unknown), shape)
            table.variable.scatter_update(tf.IndexedSlices(start, tf.range(first, end)))
    return {name: spec.known(name) - earlier.known(name) for name in spec.vocabulary_sizes}


def keep_room(spec: ModelSpec, folder: str) -> ModelSpec:
    """Gives tables the sizes that those of a trained model have, where these still do.

    Args:
        spec: Of a model that is to go on from the trained one.
        folder: Folder that `save_trained` wrote.
    """
    earlier = read_spec(folder)
    left = {
        name: earlier.table_rows(name) - spec.used_rows(name) for name in earlier.vocabulary_sizes
    }
    enough = {name: rows for name, rows in left.items() if rows >= 0}
    return dataclasses.replace(spec, spare_rows=spec.spare_rows | enough)


def _check_continues(spec: ModelSpec, earlier: ModelSpec, folder: str) -> None:
    for field in dataclasses.fields(spec.model):
        ours, theirs = getattr(spec.model, field.name), getattr(earlier.model, field.name)
        if ours != theirs:
            raise ValueError(
                f"model.{field.name} is {ours!r}, the model of {folder} was trained with {theirs!r}: "
                "set it so to train that model on, or train a new one"
            )
    if spec.features != earlier.features:
        raise ValueError(
            f"the model of {folder} was trained with other features, "
            f"{[feature.key for feature in earlier.features]}: train a new one"
        )


def _load(model: CTRModel, earlier: ModelSpec, folder: str) -> CTRModel:
    """Returns the trained model with the state of its optimizer."""
    base = CTRModel(earlier)
    build(base)
    optimizer = model.optimizer
    base.compile(optimizer=type(optimizer).from_config(optimizer.get_config()))
    base.optimizer.build(base.trainable_variables)
    restore_trained(base, folder)
    return base


def _state(model: CTRModel) -> list[tf.Variable]:
    return [*model.weights, *model.optimizer.variables]


def _assign_first_rows(new: tf.Variable, old: tf.Variable) -> None:
    new.scatter_update(tf.IndexedSlices(tf.convert_to_tensor(old), tf.range(old.shape[0])))


def _rows_so_far(
    model: CTRModel,
    earlier: ModelSpec,
    transform_output: tft.TFTransformOutput,
    files: Sequence[str],
) -> tf.Tensor:
    """Returns the rows of the item tables that new items were looked up in while unknown."""
    first = earlier.known("item")
    ids = transforms_vocabulary(transform_output, "item").ids[first:]
    categories = np.full(len(ids), UNKNOWN)
    if model.spec.model.unknown_items == "category":
        categories = categories_of_items(model.spec, transform_output, files)[first + 1 :]
        # A new category was unknown, too.
        categories[categories >= earlier.vocabulary_sizes["category"]] = UNKNOWN
    batch: dict[str, Any] = {
        f"{CANDIDATE}item": tf.fill([len(ids)], tf.constant(UNKNOWN, tf.int64)),
        f"{CANDIDATE}{ITEM_ID}": tf.constant(ids),
        f"{CANDIDATE}category": tf.constant(categories),
    }
    return model.unknown_items.look_up(batch)[f"{CANDIDATE}item"]


def categories_of_items(
    spec: ModelSpec, transform_output: tft.TFTransformOutput, files: Sequence[str]
) -> np.ndarray:
    """Finds the category of every item in the records.

    Args:
        spec: Vocabulary sizes.
        transform_output: Transform's output.
        files: File patterns of transformed records.

    Returns:
        int64 `[known items + 1]`: the row of the category that the item of each of Transform's rows
        was last read with; that of unknown ones where no record has it.
    """
    categories = np.full(spec.vocabulary_sizes["item"], UNKNOWN)
    parsing = transform_output.transformed_feature_spec()
    keys = [f"{owner}{of}" for owner in (HISTORY, CANDIDATE) for of in ("item", "category")]
    read: dict[str, Any] = {key: parsing[key] for key in keys}
    for records in serialized_records(files).batch(_READ_TOGETHER):
        parsed = tf.io.parse_example(records, read)
        for owner in (HISTORY, CANDIDATE):
            items, of_items = (
                parsed[f"{owner}{of}"].flat_values.numpy() for of in ("item", "category")
            )
            categories[items] = of_items
    categories[UNKNOWN] = UNKNOWN
    return categories
