import dataclasses

import pytest

from lifelong.experiments.gbdt_trial import GbdtTrial
from lifelong.models.gbdt.features import FeatureReader

TINY = (
    "gbdt+num_leaves=[3]+min_data_in_leaf=[2]+lambda_l2=[0.0]+learning_rate=[0.1]+max_iterations=5"
)


@pytest.mark.parametrize("evidence_length", [0, 10])
def test_the_trees_are_measured_like_networks(evidence_length, variant, data, tmp_path):
    trial = GbdtTrial(variant(f"{TINY}+evidence_length={evidence_length}+statistics=true"), seed=1)
    measured = trial.run(data, tmp_path)
    candidates = FeatureReader(0, False).read(data.raw_files("eval"))
    assert measured.metrics[0].requests == candidates.request[-1] + 1
    assert measured.metrics[0].candidates == len(candidates.label)
    assert 0 < measured.metrics[0].auc < 1
    known, unknown, unseen = measured.by_item
    assert known.candidates + unknown.candidates == len(candidates.label)
    assert 0 < unseen.candidates < unknown.candidates
    assert 0 < measured.validation_auc < 1
    assert measured.ranking_ms > 0
    assert measured.training_seconds > 0
    assert measured.epochs is None


def test_seed_grid_and_what_is_read_count_in_the_fingerprint(variant, data):
    trial = GbdtTrial(variant("gbdt"), seed=1)
    others = (
        dataclasses.replace(trial, seed=2),
        GbdtTrial(variant(TINY), seed=1),
        GbdtTrial(variant("gbdt+evidence_length=3"), seed=1),
        GbdtTrial(variant("gbdt+statistics=true"), seed=1),
    )
    assert len({t.fingerprint(data) for t in (trial, *others)}) == 5
