import dataclasses

import numpy as np
import pytest

from lifelong.experiments.gbdt_trial import GbdtTrial, rows_of_request
from lifelong.experiments.ranking_time import real_request
from lifelong.models.gbdt.record_rows import read_records
from lifelong.models.records import record_spec

TINY = (
    "gbdt+max_leaf_nodes=[3]+min_samples_leaf=[2]+l2_regularization=[0.0]+learning_rate=[0.1]"
    "+max_iterations=5"
)


def test_the_trees_are_measured_like_networks(variant, data, tmp_path):
    trial = GbdtTrial(variant(TINY), seed=1)
    measured = trial.run(data, tmp_path)
    _, requests = read_records(data.raw_files("eval"))
    assert measured.metrics[0].requests == len(np.unique(requests.request))
    assert measured.metrics[0].candidates == len(requests.label)
    assert 0 < measured.metrics[0].auc < 1
    known, unknown, unseen = measured.by_item
    assert known.candidates + unknown.candidates == len(requests.label)
    assert 0 < unseen.candidates < unknown.candidates
    assert 0 < measured.validation_auc < 1
    assert measured.ranking_ms > 0
    assert measured.training_seconds > 0
    assert measured.epochs is None


def test_seed_and_grid_count_in_the_fingerprint(variant, data):
    trial = GbdtTrial(variant("gbdt"), seed=1)
    others = (
        dataclasses.replace(trial, seed=2),
        GbdtTrial(variant(TINY), seed=1),
    )
    assert len({t.fingerprint(data) for t in (trial, *others)}) == 3


@pytest.mark.parametrize("window", [5, 1000])
def test_the_request_that_is_timed_is_the_networks_in_the_order_of_events(data, window):
    wire = real_request(data.raw_files("eval"), record_spec(()), window)
    events, requests = rows_of_request(wire)
    known = int(wire["history_length"][0])
    assert len(events.item) == known > 1
    assert events.item.tolist() == wire["history_item"][0, :known][::-1].tolist()
    assert (np.diff(events.timestamp) >= 0).all()
    assert events.timestamp[-1] < requests.timestamp[0]
    assert len(requests.item) == len(requests.label) == 200
    assert requests.history_events.tolist() == [known]
