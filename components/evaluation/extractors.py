"""What the stock Evaluator needs to read per-user records: its `module_path`.

A record holds all requests of a user. Each model scores whole records with its own signature
`score_records`; what comes out is one extract per request, with rows of any length.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import config_pb2

from lifelong.components.evaluation.gauc import USER_KEY
from lifelong.components.evaluation.history_buckets import HISTORY_LENGTH, bucket_labels
from lifelong.data.keys import (
    CANDIDATE_LABEL,
    CANDIDATE_WEIGHT,
    HISTORY_EVENTS,
    RECORDS_SIGNATURE,
    REQUEST_CANDIDATES,
    REQUEST_TIMESTAMP,
    SCORES,
)

# Has one value per request of a record.
REQUESTS_COLUMN = REQUEST_TIMESTAMP
# One value per request and one per candidate, see the signature.
REQUEST_OUTPUTS = ("user", REQUEST_CANDIDATES, HISTORY_EVENTS)
CANDIDATE_OUTPUTS = (SCORES, CANDIDATE_LABEL)
# One value per candidate too, of a model that knows of sampled negatives.
WEIGHT_OUTPUT = CANDIDATE_WEIGHT
# Bounds the memory of one call, in which a model may hold histories of [requests, T] at once. Only
# a record that has more requests by itself makes a larger call.
REQUESTS_PER_CALL = 512

COUNTER_NAMESPACE = "lifelong.evaluation"


def custom_extractors(
    eval_shared_model: Any,
    eval_config: config_pb2.EvalConfig,
    tensor_adapter_config: Any = None,
) -> list[tfma.extractors.Extractor]:
    """Gives the Evaluator its extractors; the Evaluator calls this by name.

    Args:
        eval_shared_model: A `tfma.EvalSharedModel` or, with a baseline, a list of them.
        eval_config: The run's configuration; its slices may use `user` and `history_length`.
        tensor_adapter_config: Unused: the models parse the records themselves.

    Returns:
        The extractor that scores requests, and TFMA's that names their slices.
    """
    del tensor_adapter_config
    models = eval_shared_model if isinstance(eval_shared_model, list) else [eval_shared_model]
    return [
        tfma.extractors.Extractor(
            stage_name="ScoreRecords", ptransform=beam.ParDo(ScoreRecords(models))
        ),
        tfma.extractors.SliceKeyExtractor(eval_config=eval_config, materialize=False),
    ]


@beam.typehints.with_input_types(tfma.Extracts)
@beam.typehints.with_output_types(tfma.Extracts)
class ScoreRecords(beam.DoFn):
    """Turns batches of per-user records into one extract per request.

    An extract has `features` (`user` int64 `[1]`, `history_length` text `[1]`), `labels` `[N]` and
    `predictions` `[N]`, or a dictionary of them by model name if there are several models. If the
    model, not the baseline, knows of sampled negatives, also `example_weights` `[N]`.
    Requests without candidates are dropped and counted (counter `requests_without_candidates`).

    Args:
        models: The models; each is loaded once per process.
    """

    def __init__(self, models: list[tfma.EvalSharedModel]):
        self._models = models
        self._requests = beam.metrics.Metrics.counter(COUNTER_NAMESPACE, "requests")
        self._dropped = beam.metrics.Metrics.counter(
            COUNTER_NAMESPACE, "requests_without_candidates"
        )

    def setup(self) -> None:
        """Loads the models.

        Raises:
            ValueError: If a model lacks the signature.
        """
        # The restored object must outlive its signature, hence both are kept.
        self._loaded = [model.model_loader.load() for model in self._models]
        self._signatures = {}
        for model, loaded in zip(self._models, self._loaded, strict=True):
            if RECORDS_SIGNATURE not in loaded.signatures:
                raise ValueError(
                    f"{model.model_path} has no signature {RECORDS_SIGNATURE!r}, only "
                    f"{sorted(loaded.signatures)}; export it with one that takes serialised records"
                )
            self._signatures[model.model_name] = loaded.signatures[RECORDS_SIGNATURE]

    def process(self, element: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Scores one batch of records.

        Args:
            element: Extracts with an Arrow record batch of the raw records and parsed features.

        Yields:
            The extracts of the batch's requests, in order.

        Raises:
            ValueError: If a model's outputs are unusable, or the models disagree on the requests.
        """
        batch = element[tfma.ARROW_RECORD_BATCH_KEY]
        for records in _calls(batch, REQUESTS_PER_CALL):
            yield from self._score(records)

    def _score(self, records: list[bytes]) -> Iterator[dict[str, Any]]:
        outputs = {}
        for model, (name, signature) in zip(self._models, self._signatures.items(), strict=True):
            scored = signature(records=tf.constant(records, tf.string))
            outputs[name] = _checked_outputs(scored, model.model_path)
        first, *others = outputs.values()
        for model, other in zip(self._models[1:], others, strict=True):
            for key in (*REQUEST_OUTPUTS, CANDIDATE_LABEL):
                if not np.array_equal(first[key], other[key]):
                    raise ValueError(
                        f"{model.model_path} and {self._models[0].model_path} give different "
                        f"{key!r} for the same records; they cannot be compared"
                    )

        (weights,) = (
            output.get(WEIGHT_OUTPUT)
            for model, output in zip(self._models, outputs.values(), strict=True)
            if not model.is_baseline
        )
        candidates = first[REQUEST_CANDIDATES]
        ends = np.cumsum(candidates)
        buckets = bucket_labels(first[HISTORY_EVENTS])
        self._requests.inc(len(candidates))
        self._dropped.inc(int(np.sum(candidates == 0)))
        for request in np.flatnonzero(candidates):
            row = slice(ends[request] - candidates[request], ends[request])
            scores = {name: output[SCORES][row] for name, output in outputs.items()}
            extract = {
                tfma.FEATURES_KEY: {
                    USER_KEY: first["user"][request, None],
                    HISTORY_LENGTH: buckets[request, None],
                },
                tfma.LABELS_KEY: first[CANDIDATE_LABEL][row],
                tfma.PREDICTIONS_KEY: scores if len(scores) > 1 else next(iter(scores.values())),
            }
            if weights is not None:
                extract[tfma.EXAMPLE_WEIGHTS_KEY] = weights[row]
            yield extract


def _calls(batch: pa.RecordBatch, requests_per_call: int) -> Iterator[list[bytes]]:
    """Cuts a batch's records into calls of about equally many requests; leaves out empty ones."""
    if REQUESTS_COLUMN not in batch.schema.names:
        raise ValueError(
            f"the records have no feature {REQUESTS_COLUMN!r}, only {sorted(batch.schema.names)}; "
            "evaluate the per-user records of the example generator"
        )
    column = batch.column(REQUESTS_COLUMN)
    if pa.types.is_null(column.type):  # No record of the batch has any request.
        return
    requests = np.asarray(pc.list_value_length(column).fill_null(0))
    records = np.asarray(batch.column(tfma.ARROW_INPUT_COLUMN).flatten().to_pylist(), object)
    records, requests = records[requests > 0], requests[requests > 0]
    # The place of a record's first request decides on its call: no record is split.
    call_of = (np.cumsum(requests) - requests) // requests_per_call
    for call in np.unique(call_of):
        yield records[call_of == call].tolist()


def _checked_outputs(outputs: Mapping[str, tf.Tensor], model_path: str) -> dict[str, np.ndarray]:
    """Brings a signature's outputs to NumPy and checks that they fit together."""
    missing = [key for key in (*REQUEST_OUTPUTS, *CANDIDATE_OUTPUTS) if key not in outputs]
    if missing:
        raise ValueError(
            f"signature {RECORDS_SIGNATURE!r} of {model_path} has no output {', '.join(missing)}; "
            f"it has {', '.join(sorted(outputs))}"
        )
    of_candidates = [*CANDIDATE_OUTPUTS, *({WEIGHT_OUTPUT} & outputs.keys())]
    arrays = {key: outputs[key].numpy() for key in (*REQUEST_OUTPUTS, *of_candidates)}
    expected = dict.fromkeys(REQUEST_OUTPUTS, len(arrays[REQUEST_CANDIDATES]))
    expected |= dict.fromkeys(of_candidates, int(arrays[REQUEST_CANDIDATES].sum()))
    for key, size in expected.items():
        if arrays[key].shape != (size,):
            raise ValueError(
                f"output {key!r} of signature {RECORDS_SIGNATURE!r} of {model_path} has shape "
                f"{arrays[key].shape}; expected ({size},) by request_candidates"
            )
    scores = arrays[SCORES]
    # Also true for NaN, which every metric would swallow or spread without a word.
    wrong = np.flatnonzero(~((scores >= 0) & (scores <= 1)))
    if wrong.size:
        request = np.searchsorted(np.cumsum(arrays[REQUEST_CANDIDATES]), wrong[0], side="right")
        raise ValueError(
            f"{model_path} gives {wrong.size} of {scores.size} scores outside [0, 1], the first "
            f"{scores[wrong[0]]} for user {arrays['user'][request]}; scores must be probabilities"
        )
    return arrays
