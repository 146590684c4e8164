"""The candidates' labels, scores and weights of one request, as TFMA hands them to a metric."""

from __future__ import annotations

import numpy as np
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import config_pb2


def candidate_rows(
    element: tfma.metrics.StandardMetricInputs,
    eval_config: config_pb2.EvalConfig | None,
    model_name: str,
    output_name: str,
    example_weighted: bool = False,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Reads one request's row for one model.

    Args:
        element: What TFMA gives to a combiner's `add_input`.
        eval_config: The run's configuration.
        model_name: Name of the model whose predictions are wanted; empty for a single model.
        output_name: Name of the model's output, empty if it has but one.
        example_weighted: Whether example weights apply; they are 1 otherwise.

    Returns:
        Labels `[N]`, scores `[N]` and weights `[N]`, all float64.

    Raises:
        ValueError: If labels and scores have different lengths.
    """
    label, score, weight = next(
        tfma.metrics.to_label_prediction_example_weight(
            element,
            eval_config=eval_config,
            model_name=model_name,
            output_name=output_name,
            example_weighted=example_weighted,
            flatten=False,
            squeeze=False,
        )
    )
    labels, scores = (np.asarray(value, np.float64).reshape(-1) for value in (label, score))
    if labels.size != scores.size:
        raise ValueError(
            f"a request has {labels.size} labels and {scores.size} scores for the model "
            f"{model_name!r}; the extractor must give one of each per candidate"
        )
    weights = np.asarray(weight, np.float64).reshape(-1)
    return labels, scores, np.broadcast_to(weights, labels.shape)
