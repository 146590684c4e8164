"""Goes on with a trained model whose vocabularies have grown: known ids keep rows and slots."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft

from lifelong.data.keys import CANDIDATE, HISTORY
from lifelong.data.vocabulary import Vocabulary
from lifelong.models.config import ModelSpec
from lifelong.models.ctr_model import CTRModel
from lifelong.models.reader import serialized_records
from lifelong.models.trained import build, read_spec, restore_trained
from lifelong.models.vocabulary_files import UNKNOWN, transforms_vocabulary

# Records read at a time.
_READ_TOGETHER = 256


def go_on_from(
    model: CTRModel, folder: str, transform_output: tft.TFTransformOutput, files: Sequence[str]
) -> dict[str, int]:
    """Sets a model's weights and optimizer state to those of a trained one that knows fewer ids.

    The ids that the trained model knew keep their rows and slots: the scores of requests whose ids
    are as known as before stay what they were. A new item starts as the mean of the known ones of its
    category, anything else, and an item of a category without known ones, as the unknown one; neither
    has a past in the optimizer. The popularity of items is the trained model's until
    `Embeddings.count_items` sets it anew. The step size is the model's own.

    Args:
        model: A compiled model whose optimizer is built, of the same architecture.
        folder: Folder that `save_trained` wrote.
        transform_output: Transform's output, whose vocabularies the model has.
        files: File patterns of the training records, for the categories of new items.

    Returns:
        The number of new ids by vocabulary.

    Raises:
        ValueError: If the trained model has another architecture, other features or another optimizer,
            or if its ids have other rows.
    """
    spec, earlier = model.spec, read_spec(folder)
    _check_continues(spec, earlier, folder)
    for name, digest in earlier.vocabulary_digests.items():
        known = _vocabulary(model, transform_output, name).first(earlier.known(name))
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
    categories: np.ndarray | None = None
    for name, variable in model.id_tables():
        first, end = earlier.used_rows(name), spec.used_rows(name)
        if first == end:
            continue
        start = np.repeat(variable[UNKNOWN : UNKNOWN + 1].numpy(), end - first, axis=0)
        if name == "item" and variable.shape.rank == 2:
            if categories is None:
                categories = categories_of_items(spec, transform_output, files)
            items = variable[model.unknown_items.block : end].numpy()
            means, have_any = _means_of_categories(items, categories, earlier.known(name))
            of_new = categories[earlier.known(name) :]
            start = np.where(have_any[of_new][:, np.newaxis], means[of_new], start)
        variable.scatter_update(tf.IndexedSlices(start, tf.range(first, end)))
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
    told = (*earlier.features, *earlier.item_features)
    if (*spec.features, *spec.item_features) != told:
        raise ValueError(
            f"the model of {folder} was trained with other features, "
            f"{[feature.key for feature in told]}: train a new one"
        )


def _vocabulary(model: CTRModel, transform_output: tft.TFTransformOutput, name: str) -> Vocabulary:
    items = model.embeddings.item_features
    if items is not None and items.encoding is not None and name in items.encoding.vocabularies:
        return items.encoding.vocabularies[name]
    return transforms_vocabulary(transform_output, name)


def _load(model: CTRModel, earlier: ModelSpec, folder: str) -> CTRModel:
    """Returns the trained model with the state of its optimizer."""
    base = CTRModel(earlier)
    build(base)
    optimizer = model.optimizer
    base.compile(optimizer=type(optimizer).from_config(optimizer.get_config()))
    base.optimizer.build(base.trainable_variables)
    try:
        restore_trained(base, folder)
    except AssertionError as error:
        raise ValueError(
            f"the model of {folder} has no state of the optimizer {optimizer.name}: set "
            "training.optimizer to the one that it was trained with, or train a new model"
        ) from error
    return base


def _state(model: CTRModel) -> list[tf.Variable]:
    return [*model.weights, *model.optimizer.variables]


def _assign_first_rows(new: tf.Variable, old: tf.Variable) -> None:
    new.scatter_update(tf.IndexedSlices(tf.convert_to_tensor(old), tf.range(old.shape[0])))


def _means_of_categories(
    table: np.ndarray, categories: np.ndarray, known: int
) -> tuple[np.ndarray, np.ndarray]:
    """Averages the rows of known items by category.

    Args:
        table: `[items, D]`, known items first.
        categories: `[items]`, rows of their categories.
        known: How many are known.

    Returns:
        Means `[C, D]`, and which categories have any known item, `[C]`.
    """
    sums = np.zeros([categories.max(initial=UNKNOWN) + 1, table.shape[1]], np.float64)
    np.add.at(sums, categories[:known], table[:known])
    counts = np.bincount(categories[:known], minlength=len(sums))
    counts[UNKNOWN] = 0  # What is unknown has nothing in common.
    return (sums / np.maximum(counts, 1)[:, np.newaxis]).astype(table.dtype), counts > 0


def categories_of_items(
    spec: ModelSpec, transform_output: tft.TFTransformOutput, files: Sequence[str]
) -> np.ndarray:
    """Finds the category of every item in the records.

    Args:
        spec: Vocabulary sizes.
        transform_output: Transform's output.
        files: File patterns of transformed records.

    Returns:
        int64 `[known items]`: the row of the category that each was last read with; that of unknown
        ones where no record has the item.
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
    return categories[UNKNOWN + 1 :]
