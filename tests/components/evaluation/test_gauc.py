import math
import pickle

import numpy as np
import pytest
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import config_pb2

from lifelong.components.evaluation.gauc import GAUC
from lifelong.components.evaluation.grouped_auc import grouped_auc


def computation(**kwargs):
    (only,) = GAUC(**kwargs).computations(model_names=[""], output_names=[""], sub_keys=[None])
    return only


def request(user, labels, scores, key="user"):
    return tfma.metrics.StandardMetricInputs(
        {
            "features": {key: np.asarray([user])},
            "labels": np.asarray(labels, np.float32),
            "predictions": np.asarray(scores),
        }
    )


def test_merging_accumulators_of_any_split_changes_nothing():
    rng = np.random.default_rng(3)
    sizes = rng.integers(1, 8, size=60)
    users = rng.integers(0, 9, size=60) + 2**62
    rows = [
        (user, rng.integers(0, 2, size), rng.integers(0, 5, size) / 4)
        for user, size in zip(users, sizes, strict=True)
    ]
    combiner = computation().combiner

    def accumulate(part):
        accumulator = combiner.create_accumulator()
        for row in part:
            accumulator = combiner.add_input(accumulator, request(*row))
        # What Beam does between workers.
        return pickle.loads(pickle.dumps(combiner.compact(accumulator)))

    parts = [accumulate(rows[start : start + 7]) for start in range(0, 60, 7)]
    merged = combiner.merge_accumulators([combiner.create_accumulator(), *parts[::-1]])
    expected = grouped_auc(
        np.repeat(users, sizes),
        np.concatenate([labels for _, labels, _ in rows]),
        np.concatenate([scores for _, _, scores in rows]),
    )
    found = {key.name: value for key, value in combiner.extract_output(merged).items()}
    assert found == {
        "gauc": pytest.approx(expected.auc, abs=1e-12),
        "gauc_users": expected.users,
        "gauc_users_left_out": expected.users_left_out,
    }


def test_no_requests_give_nan():
    combiner = computation().combiner
    values = list(combiner.extract_output(combiner.create_accumulator()).values())
    assert math.isnan(values[0])
    assert values[1:] == [0, 0]


def test_name_and_user_key_can_be_set_from_the_configuration():
    config = config_pb2.MetricConfig(
        class_name="GAUC",
        module=GAUC.__module__,
        config='"name": "by_household", "user_key": "household"',
    )
    (built,) = tfma.metrics.metric_specs.metric_instance(config).computations(
        model_names=[""], output_names=[""]
    )
    combiner = built.combiner
    row = request(1, [1, 0], [0.2, 0.1], key="household")
    output = combiner.extract_output(combiner.add_input(combiner.create_accumulator(), row))
    assert {key.name: value for key, value in output.items()}["by_household"] == 1.0


@pytest.mark.parametrize(
    ("element", "message"),
    [
        (request("ann", [1], [0.5]), "one integer user per request in the feature 'user'"),
        (request(1, [1], [0.5], key="who"), "one integer user per request in the feature 'user'"),
        (request(4, [1, 0.5], [0.5, 0.5]), "labels 0 or 1; user 4 has"),
        (request(4, [1, 0], [0.5]), "2 labels and 1 scores"),
    ],
)
def test_bad_input_is_named(element, message):
    combiner = computation().combiner
    with pytest.raises(ValueError, match=message):
        combiner.add_input(combiner.create_accumulator(), element)
