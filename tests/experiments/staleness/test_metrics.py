import numpy as np
import pytest

from lifelong.experiments.staleness.metrics import measure_searches
from lifelong.experiments.staleness.scores import SearchScores
from lifelong.experiments.trial import TrialResult, read_result, write_result
from lifelong.models.scores import CandidateScores


def scored(own, old, labels=(1, 0, 1, 0)):
    """Four candidates of two users: the last one has no events, the third is new to the index."""
    values = {
        "user": np.array([1, 1, 2, 2]),
        "request": np.array([0, 0, 1, 1]),
        "item": np.arange(4),
        "history_events": np.array([9, 9, 9, 9]),
        "label": np.array(labels, np.float32),
    }
    return SearchScores(
        scores={
            search: CandidateScores(**values, score=np.array(score))
            for search, score in (("own", own), ("old", old))
        },
        kept={"own": np.array([3, 3, 2, 0]), "old": np.array([3, 1, 0, 0])},
        found=np.array([3, 3, 2, 0]),
        events=np.array([6, 6, 2, 0]),
        new=np.array([False, False, True, False]),
        new_events=5,
        all_events=8,
    )


def test_figures_computed_by_hand():
    measured = measure_searches(scored(own=[0.9, 0.1, 0.8, 0.2], old=[0.9, 0.1, 0.15, 0.2]))
    own, old = measured.search("own"), measured.search("old")
    assert (own.auc, own.recall, own.auc_change) == (1.0, 1.0, 0.0)
    assert own.auc_change_error == 0
    # Of four pairs one is now in the wrong order.
    assert old.auc == pytest.approx(0.75)
    assert old.auc_change == pytest.approx(-0.25)
    assert old.gauc == pytest.approx(0.5)
    # 3 of 3, 1 of 3, 0 of 2; the candidate without events has no recall.
    assert old.recall == pytest.approx((1 + 1 / 3) / 3)
    # 3 of 6, 3 of 6, 2 of 2.
    assert measured.random_recall == pytest.approx(2 / 3)
    assert old.new_recall == 0
    assert own.new_recall == 1
    assert old.new_auc is None
    assert (measured.candidates, measured.without_events, measured.new_candidates) == (4, 1, 1)
    assert (measured.events, measured.new_events) == (8, 5)
    assert measured.metrics[0].auc == own.auc
    assert measured.outcome() == "own AUC 1.0000, recall 1.000; old AUC 0.7500, recall 0.444"


def test_what_is_not_defined_is_none():
    measured = measure_searches(scored([0.9, 0.1, 0.8, 0.2], [0.5] * 4, labels=(0, 0, 0, 0)))
    old = measured.search("old")
    assert (old.auc, old.auc_change, old.auc_change_error) == (None, None, None)
    assert measured.outcome().startswith("own AUC -,")


def test_a_result_is_read_back_with_its_type(tmp_path):
    measured = measure_searches(scored([0.9, 0.1, 0.8, 0.2], [0.5] * 4))
    result = TrialResult("eta,week=1", 17, "f", {}, measured)
    write_result(result, tmp_path)
    assert read_result(tmp_path, type(measured)) == result
