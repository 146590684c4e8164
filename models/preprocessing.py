"""Transform's `preprocessing_fn`: ids become rows, numbers are standardised.

History and candidates share one vocabulary per kind of id. Row 0 stands for whatever is unknown, the
known id number j has row 1 + j. Beside their rows, items keep their raw ids, which tell unknown ones
apart; of both, the model makes rows of its tables (`UnknownItems`). Keys keep their names; what is
neither id nor number passes through. Nothing is counted here: `VocabularyBuilder` has done that.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

from lifelong.data.features import Feature
from lifelong.models.vocabulary_files import (
    ID_KEYS,
    RAW_IDS,
    UNKNOWN,
    read_statistics,
    vocabulary_path,
)

# custom_config's key of the vocabulary artifact's path or URI; Transform's executor adds it.
VOCABULARIES = "vocabularies"


def preprocessing_fn(inputs: dict[str, Any], custom_config: dict[str, Any]) -> dict[str, Any]:
    """Turns raw ids into rows and standardises numeric features.

    Args:
        inputs: A batch of per-user records, ragged except where a record has one value.
        custom_config: `features` (list of `Feature` fields) and `vocabularies`, path or URI of the
            vocabulary artifact.

    Returns:
        The records under the same keys, and the raw ids of items (`RAW_IDS`).
    """
    folder = custom_config[VOCABULARIES]
    features = tuple(Feature(**fields) for fields in custom_config["features"])
    statistics = read_statistics(folder)
    outputs = dict(inputs)
    for raw, key in RAW_IDS.items():
        outputs[raw] = inputs[key]
    for name, keys in ID_KEYS.items():
        _look_up(outputs, inputs, folder, name, keys)
    for feature in features:
        if feature.is_categorical:
            _look_up(outputs, inputs, folder, feature.key, (feature.key,))
        else:
            mean, deviation = statistics[feature.key]
            outputs[feature.key] = _map_values(
                lambda values, mean=mean, deviation=deviation: tf.math.divide_no_nan(
                    values - mean, deviation
                ),
                inputs[feature.key],
            )
    return outputs


def _look_up(
    outputs: dict[str, Any], inputs: dict[str, Any], folder: str, name: str, keys: tuple[str, ...]
) -> None:
    """Writes the rows of `keys` to `outputs`."""
    path = vocabulary_path(folder, name)
    tft.annotate_asset(name, path.rpartition("/")[2])
    table = tft.make_and_track_object(lambda: _rows_of_ids(path), name=f"vocabulary_{name}")
    for key in keys:
        # Unknown: -1 + 1. What no id is may stand in the file, where there is none.
        outputs[key] = _map_values(
            lambda ids: tf.where(ids < 0, tf.constant(UNKNOWN, tf.int64), table.lookup(ids) + 1),
            inputs[key],
        )


def _rows_of_ids(path: str) -> tf.lookup.StaticHashTable:
    lines = tf.lookup.TextFileInitializer(
        path,
        key_dtype=tf.int64,
        key_index=0,
        value_dtype=tf.int64,
        value_index=tf.lookup.TextFileIndex.LINE_NUMBER,
        delimiter="\t",
    )
    return tf.lookup.StaticHashTable(lines, default_value=-1)


def _map_values(function: Any, values: tf.Tensor | tf.RaggedTensor) -> Any:
    if isinstance(values, tf.RaggedTensor):
        return tf.ragged.map_flat_values(function, values)
    return function(values)
