"""Bakes signatures and proves that baked and unbaked scores agree."""

from __future__ import annotations

import gc
import logging
import math
import time
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils
from tfx.utils import path_utils

from lifelong.components.day_statistics.executor import DAY_STATISTICS_KEY
from lifelong.components.item_table.executor import ITEM_TABLE_KEY
from lifelong.data.keys import CANDIDATE_LENGTH, RANK_SIGNATURE, SCORES
from lifelong.models.calibration import uncorrected
from lifelong.models.config import ExportConfig, ModelSpec
from lifelong.models.export import export_model, newest_statistics
from lifelong.models.reader import request_dataset
from lifelong.models.records import record_spec
from lifelong.models.trained import TRAINED_FOLDER, load_trained

_PROOF_BATCH = 32


class Executor(base_executor.BaseExecutor):
    """Loads the trained model, bakes its signatures, writes and proves the SavedModel."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the baked model; see `SignatureBaker` for inputs and properties.

        Raises:
            ValueError: If baked and unbaked scores differ by more than the tolerance, unless the
                search or the tables that serve are an approximation, or if the model cannot be
                exported as configured. Nothing is left in the output then.
        """
        trained = artifact_utils.get_single_instance(input_dict["model"])
        output = artifact_utils.get_single_instance(output_dict["baked_model"])
        transform_output = tft.TFTransformOutput(
            artifact_utils.get_single_uri(input_dict["transform_graph"])
        )
        examples = artifact_utils.get_split_uri(input_dict["examples"], exec_properties["split"])
        export = ExportConfig.from_json(exec_properties["export"])

        started = time.monotonic()
        given = input_dict.get(ITEM_TABLE_KEY)
        item_table = artifact_utils.get_single_uri(given) if given else ""
        model = load_trained(f"{trained.uri}/{TRAINED_FOLDER}", item_table)
        tables = model.long_term.bake()
        table_bytes = sum(table.shape.num_elements() * table.dtype.size for table in tables)
        baked_path = path_utils.serving_model_dir(output.uri)
        counted = artifact_utils.get_single_uri(input_dict[DAY_STATISTICS_KEY])
        export_model(model, transform_output, baked_path, export, newest_statistics(model, counted))
        seconds = time.monotonic() - started
        spec, exact = model.spec, model.long_term.bakes_exactly and export.table_type == "float32"
        # What is proven is loaded from the files: the tables need not be in memory twice.
        del model, tables
        gc.collect()

        requests, difference = largest_score_difference(
            path_utils.serving_model_path(trained.uri),
            baked_path,
            _real_requests(examples, spec, exec_properties["proof_requests"]),
            export.negative_sampling_rate,
        )
        allowed = exec_properties["tolerance"] if exact else math.inf
        if not difference <= allowed:
            tf.io.gfile.rmtree(output.uri)
            raise ValueError(
                f"baked and unbaked scores differ by {difference:.3g} on {requests} requests of "
                f"split {exec_properties['split']!r}; allowed: {allowed:.3g}. "
                "The baked tables do not belong to these weights: train again."
            )
        logging.info(
            "baked tables of %d bytes in %.1f s; largest difference on %d requests: %.3g",
            table_bytes,
            seconds,
            requests,
            difference,
        )
        output.set_int_custom_property("baked_table_bytes", table_bytes)
        output.set_float_custom_property("baking_seconds", seconds)
        output.set_float_custom_property("largest_score_difference", difference)
        output.set_int_custom_property("proof_requests", requests)
        output.set_string_custom_property("trained_model_uri", trained.uri)


def _real_requests(examples: str, spec: ModelSpec, count: int) -> tf.data.Dataset:
    batches = request_dataset(
        [f"{examples}/*"],
        record_spec(spec.features),
        window=spec.model.max_events,
        batch_size=_PROOF_BATCH,
    )
    return batches.take(-(-count // _PROOF_BATCH))


def largest_score_difference(
    unbaked_path: str,
    baked_path: str,
    requests: tf.data.Dataset,
    negative_sampling_rate: float = 1.0,
) -> tuple[int, float]:
    """Compares the scores of two SavedModels, as a client would get them.

    Args:
        unbaked_path: SavedModel as it was trained.
        baked_path: SavedModel that looks baked tables up.
        requests: Batches of wire tensors.
        negative_sampling_rate: That the baked scores are corrected by, and the unbaked ones are
            not. The correction is taken back: what is compared is what was trained.

    Returns:
        The number of requests compared, and the largest absolute difference of two valid scores.

    Raises:
        ValueError: If there was no request to compare.
    """
    # One after the other, so that one of them has its tables in memory at a time.
    count, unbaked = _scores(unbaked_path, requests)
    if not count:
        raise ValueError("no request to prove the baked model on: the split is empty")
    _, baked = _scores(baked_path, requests)
    difference = np.abs(unbaked - uncorrected(baked, negative_sampling_rate))
    # A NaN must not pass for a small difference: np.max hands it on.
    return count, float(np.max(difference, initial=0.0))


def _scores(path: str, requests: tf.data.Dataset) -> tuple[int, np.ndarray]:
    """Returns the number of requests, and the scores of all of their candidates, `[C]`."""
    rank = tf.saved_model.load(path).signatures[RANK_SIGNATURE]
    inputs = rank.structured_input_signature[1].keys()
    count, scores = 0, []
    for batch in requests:
        padded = rank(**{key: batch[key] for key in inputs})[SCORES].numpy()
        valid = np.arange(padded.shape[1]) < batch[CANDIDATE_LENGTH].numpy()[:, np.newaxis]
        count += len(padded)
        scores.append(padded[valid])
    return count, np.concatenate([*scores, np.zeros(0, np.float32)])
