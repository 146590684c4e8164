"""Goes on with a trained model whose vocabularies have grown: known ids keep rows and slots."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft

from lifelong.data.contract import DataContract
from lifelong.data.features import Feature
from lifelong.data.keys import (
    CANDIDATE,
    CANDIDATE_CATEGORY,
    CANDIDATE_ITEM,
    CANDIDATE_ITEM_ID,
    HISTORY,
)
from lifelong.data.vocabulary import Vocabulary
from lifelong.models.config import ModelConfig, ModelSpec
from lifelong.models.ctr_model import CTRModel
from lifelong.models.long_term import TrainedSearch
from lifelong.models.reader import serialized_records
from lifelong.models.trained import build, read_spec, restore_trained
from lifelong.models.unknown_items import UnknownItems
from lifelong.models.vocabulary_files import UNKNOWN, transforms_vocabulary

# Records read at a time.
_READ_TOGETHER = 256


def go_on_from(
    model: CTRModel, folder: str, transform_output: tft.TFTransformOutput, files: Sequence[str]
) -> dict[str, int]:
    """Sets a model's weights and optimizer state to those of a trained one that knows fewer ids.

    The ids that the trained model knew keep their rows and slots: the scores of requests whose ids
    are as known as before stay what they were. A new item starts as the mean of the known ones of its
    category, one of a category without known ones as the unknown item that it was so far, anything else
    as the unknown one; none of them has a past in the optimizer. The step size is the model's own. A
    model whose search is trained alone ahead of it has a new optimizer, as `fit` gives it one after the
    search; one that is trained with its search (`twin`) has no epochs ahead any more.

    Args:
        model: A compiled model whose optimizer is built, of the same architecture.
        folder: Folder that `save_trained` wrote.
        transform_output: Transform's output, whose vocabularies the model has.
        files: File patterns of the training records, for the categories of new items.

    Returns:
        The number of new ids by vocabulary.

    Raises:
        ValueError: If the trained model has another architecture, other features or another optimizer,
            or if its ids are made in another way or have other rows.
    """
    spec, earlier = model.spec, read_spec(folder)
    _check_spec(folder, spec)
    for name, digest in earlier.vocabulary_digests.items():
        known = _vocabulary(model, transform_output, name).first(earlier.known(name))
        if known.digest() != digest:
            raise ValueError(
                f"the ids of the vocabulary {name} have other rows in the model of {folder}: these "
                "vocabularies do not continue its own; train a new model"
            )
    _assign_state(model, earlier, folder)
    new_ids = {name: spec.known(name) - earlier.known(name) for name in spec.vocabulary_sizes}
    tables = model.id_tables()
    of_items = [variable for name, variable in tables if name == "item"]
    for name, variable in tables:
        if name != "item":
            _start_as(variable, earlier.used_rows(name), variable[UNKNOWN], new_ids[name])
    _start_unknown_items(model.unknown_items, of_items, earlier)
    if new_ids["item"]:
        _start_items(model, of_items, earlier, transform_output, files)
    return new_ids


def keep_room(spec: ModelSpec, folder: str) -> ModelSpec:
    """Gives tables the sizes that those of a trained model have, where these still do.

    Args:
        spec: Of a model that is to go on from the trained one.
        folder: Folder that `save_trained` wrote.

    Raises:
        ValueError: If the model cannot go on from that one, see `check_goes_on`.
    """
    _check_spec(folder, spec)
    earlier = read_spec(folder)
    left = {
        name: earlier.table_rows(name) - spec.used_rows(name) for name in earlier.vocabulary_sizes
    }
    enough = {name: rows for name, rows in left.items() if rows >= 0}
    return dataclasses.replace(spec, spare_rows=spec.spare_rows | enough)


def check_goes_on(
    folder: str,
    model: ModelConfig,
    features: tuple[Feature, ...],
    contract: DataContract | None,
) -> None:
    """Checks that a model can go on from a trained one, as far as its configuration tells.

    Args:
        folder: Folder that `save_trained` wrote.
        model: Architecture.
        features: Extra features of records, then those of items.
        contract: How ids and categories are made; None: not known.

    Raises:
        ValueError: If the trained model has another architecture, other features, or ids that are made
            in another way.
    """
    earlier = read_spec(folder)
    compared: list[tuple[str, Any, Any]] = [("model", model, earlier.model)]
    if contract is not None and earlier.data_contract is not None:
        compared.append(("data_contract", contract, earlier.data_contract))
    for name, ours, theirs in compared:
        for field in dataclasses.fields(ours):
            here, there = getattr(ours, field.name), getattr(theirs, field.name)
            if here != there:
                raise ValueError(
                    f"{name}.{field.name} is {here!r}, the model of {folder} was trained with "
                    f"{there!r}: set it so to train that model on, or train a new one"
                )
    told = (*earlier.features, *earlier.item_features)
    if features != told:
        raise ValueError(
            f"the model of {folder} was trained with other features, "
            f"{[feature.key for feature in told]}: train a new one"
        )


def _check_spec(folder: str, spec: ModelSpec) -> None:
    features = (*spec.features, *spec.item_features)
    check_goes_on(folder, spec.model, features, spec.data_contract)


def _vocabulary(model: CTRModel, transform_output: tft.TFTransformOutput, name: str) -> Vocabulary:
    items = model.embeddings.item_features
    if items is not None and items.encoding is not None and name in items.encoding.vocabularies:
        return items.encoding.vocabularies[name]
    return transforms_vocabulary(transform_output, name)


def _assign_state(model: CTRModel, earlier: ModelSpec, folder: str) -> None:
    """Sets the first rows of weights and slots to those of the trained model."""
    base = CTRModel(earlier)
    build(base)
    part = model.long_term
    if isinstance(part, TrainedSearch) and part.epochs_ahead:
        if part.alone:
            restore_trained(base, folder)
            _assign_all(model.weights, base.weights)
            return
        # What was learned ahead is in the weights.
        part.epochs_ahead = 0
    step_size = model.optimizer.learning_rate.numpy()
    _restore_with_slots(base, model.optimizer, folder)
    _assign_all(
        [*model.weights, *model.optimizer.variables], [*base.weights, *base.optimizer.variables]
    )
    model.optimizer.learning_rate = step_size


def _restore_with_slots(base: CTRModel, optimizer: Any, folder: str) -> None:
    base.compile(optimizer=type(optimizer).from_config(optimizer.get_config()))
    base.optimizer.build(base.trainable_variables)
    try:
        restore_trained(base, folder)
    except (AssertionError, ValueError, tf.errors.InvalidArgumentError) as error:
        # What lacks a slot, or has one of another shape or type in its place.
        raise ValueError(
            f"the model of {folder} has no state of the optimizer {optimizer.name}: set "
            "training.optimizer to the one that it was trained with, or train a new model"
        ) from error


def _assign_all(variables: Sequence[tf.Variable], values: Sequence[tf.Variable]) -> None:
    for new, old in zip(variables, values, strict=True):
        if new.shape == old.shape:
            new.assign(old)
        else:
            rows = tf.range(old.shape[0])
            new.scatter_update(tf.IndexedSlices(tf.convert_to_tensor(old), rows))


def _start_as(table: tf.Variable, first: int, row: tf.Tensor, count: int) -> None:
    """Sets `count` rows from `first` on to one."""
    rows = tf.repeat(row[tf.newaxis], count, axis=0)
    table.scatter_update(tf.IndexedSlices(rows, tf.range(first, first + count)))


def _start_unknown_items(
    unknown_items: UnknownItems, tables: Sequence[tf.Variable], earlier: ModelSpec
) -> None:
    """Unknown items of new categories were looked up in the row of unknown categories so far."""
    rows = unknown_items.rows_of_categories(earlier.vocabulary_sizes["category"])
    for table in tables:
        _start_as(table, rows.start, table[UNKNOWN], len(rows))


def _start_items(
    model: CTRModel,
    tables: Sequence[tf.Variable],
    earlier: ModelSpec,
    transform_output: tft.TFTransformOutput,
    files: Sequence[str],
) -> None:
    known = earlier.known("item")
    categories = categories_of_items(model.spec, transform_output, files)
    of_new = categories[known:]
    ids = transforms_vocabulary(transform_output, "item").ids[known:]
    # Where they were looked up so far; new categories were unknown, too.
    earlier_categories = np.where(of_new < earlier.vocabulary_sizes["category"], of_new, UNKNOWN)
    unknown = model.unknown_items.look_up(
        {
            CANDIDATE_ITEM: tf.fill(ids.shape, tf.constant(UNKNOWN, tf.int64)),
            CANDIDATE_CATEGORY: tf.constant(earlier_categories),
            CANDIDATE_ITEM_ID: tf.constant(ids),
        }
    )[CANDIDATE_ITEM]
    end = model.spec.used_rows("item")
    for table in tables:
        start = tf.gather(table, unknown).numpy()
        if table.dtype.is_integer:  # Which category each item has.
            start = of_new
        elif table.shape.rank == 2:
            items = table[model.unknown_items.block : end].numpy()
            means, have_any = _means_of_categories(items, categories, known)
            start = np.where(have_any[of_new][:, np.newaxis], means[of_new], start)
        table.scatter_update(tf.IndexedSlices(start, tf.range(end - len(ids), end)))


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
