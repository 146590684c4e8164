import math

import numpy as np
import pytest
import tensorflow_model_analysis as tfma

from lifelong.components.evaluation.log_loss import LogLoss


def run(rows, example_weighted=False):
    (only,) = LogLoss().computations(
        model_names=[""], output_names=[""], example_weighted=example_weighted
    )
    combiner = only.combiner
    accumulators = [combiner.create_accumulator()]
    for labels, scores, weights in rows:
        element = tfma.metrics.StandardMetricInputs(
            {
                "labels": np.array(labels),
                "predictions": np.array(scores),
                "example_weights": np.array(weights),
            }
        )
        accumulators.append(combiner.add_input(combiner.create_accumulator(), element))
    output = combiner.extract_output(combiner.merge_accumulators(accumulators))
    return {key.name: value for key, value in output.items()}


def test_each_candidate_counts_once_whatever_its_row():
    found = run([([1.0], [0.5], 1.0), ([0.0, 0.0, 1.0], [0.25, 0.75, 0.1], 1.0)])
    losses = [math.log(2), math.log(4 / 3), math.log(4), math.log(10)]
    assert found == {"log_loss": pytest.approx(sum(losses) / 4, rel=1e-12), "candidates": 4}


def test_example_weights():
    rows = [([1.0], [0.5], [3.0]), ([0.0, 1.0], [0.25, 0.1], [1.0, 0.0])]
    found = run(rows, example_weighted=True)
    expected = (3 * math.log(2) + math.log(4 / 3)) / 4
    assert found == {"log_loss": pytest.approx(expected, rel=1e-12), "candidates": 3}


def test_certain_and_wrong_scores_stay_finite():
    assert run([([1.0, 0.0], [0.0, 1.0], 1.0)])["log_loss"] == pytest.approx(-math.log(1e-7))


def test_no_candidates_give_nan():
    found = run([])
    assert math.isnan(found["log_loss"])
    assert found["candidates"] == 0
