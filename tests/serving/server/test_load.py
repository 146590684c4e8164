"""The short form of `make bench ARGS=load`: a quarter of a minute of everything at once."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.load import put_under_load
from lifelong.models.export import export_model
from tests.sample_models import spread_model

pytestmark = pytest.mark.slow

SECONDS, PUSH_EVERY_S, MIN_PUSHES = 12.0, 1.0, 9
# Memory goes up and down with the calls and loads of the moment, and a young server grows a little.
# A version of this small model takes 30 MB: kept, those of two quarters would add over 150 MB.
MAX_GROWTH = 60 * 2**20


@pytest.fixture(scope="module")
def report(transform_output, ranker_model, ranker_inputs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("load")
    model = spread_model("sim_hard", transform_output)
    for variable in model.trainable_variables:
        variable.assign(variable * 0.5)
    export_model(model, transform_output, str(folder / "other"))
    three = ranker_inputs["serving_default"]
    inputs = {
        "1 request": {key: value[:1] for key, value in three.items()},
        "3 requests": three,
        "300 requests": {key: np.concatenate([value] * 100) for key, value in three.items()},
    }
    variants = [Path(ranker_model), folder / "other"]
    return put_under_load(folder, variants, inputs, SECONDS, PUSH_EVERY_S, MIN_PUSHES)


def test_no_good_call_fails_and_no_bad_one_ends_badly(report):
    assert not report.problems
    assert {name for name, count in report.counts.items() if count >= 5} >= {
        *("Predict, 1 request", "Predict, 3 requests", "Predict, 300 requests"),
        *("REST predict, 1 request", "metadata", "status", "REST metadata", "REST status"),
        *("bad: cancelled", "bad: channel closed", "bad: deadline of 1 ms", "bad: oversized"),
        *("bad: huge shape", "bad: JSON cut off"),
    }


def test_good_versions_load_and_bad_ones_do_not(report):
    outcomes = {(push.kind, push.outcome) for push in report.pushes}
    assert outcomes == {
        ("good", "AVAILABLE"),
        ("truncated saved_model.pb", "INVALID_ARGUMENT"),
        ("Python op", "INVALID_ARGUMENT"),
        ("bad warm-up record", "INVALID_ARGUMENT"),
        ("missing variables", "INTERNAL"),
    }


def test_old_versions_are_freed(report):
    served = [state.version for state in report.states if state.state == "AVAILABLE"]
    good = [1, *(push.version for push in report.pushes if push.kind == "good")]
    assert served == good[-1:]
    ended = [state.version for state in report.states if state.state == "END"]
    assert set(ended) >= set(good[:-1])
    assert report.sessions == 1


def test_memory_does_not_grow(report):
    _, second, third, last = report.quarters
    assert max(third, last) < second + MAX_GROWTH


def test_the_server_ends_as_it_is_told(report):
    assert report.exit_code == 0
