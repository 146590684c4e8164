import numpy as np
import pytest

from lifelong.experiments.compare import over_trees
from lifelong.experiments.gbdt_trial import GbdtTrial
from lifelong.experiments.metrics import auc_change
from lifelong.experiments.network_trial import NetworkTrial
from lifelong.experiments.score_file import auc_over, write_scores
from lifelong.experiments.trial import TrialResult
from lifelong.models.scores import CandidateScores
from tests.experiments import fake_trials

RNG = np.random.default_rng(0)
USER = np.repeat(np.arange(20), 5)
LABEL = (RNG.random(100) < 0.3).astype(np.float32)


def written(folder, score, label=LABEL):
    folder.mkdir(parents=True)
    zeros = np.zeros(100, np.int64)
    write_scores(CandidateScores(USER, zeros, zeros, zeros, label, score), folder)
    return folder


def test_one_is_over_the_other_by_what_its_auc_is_higher(tmp_path):
    good, bad = LABEL + RNG.normal(0, 1, 100), RNG.normal(0, 1, 100)
    one, other = written(tmp_path / "one", good), written(tmp_path / "other", bad)
    change, error = auc_over(one, other)
    assert (change, error) == auc_change(LABEL, bad, good, USER)
    assert change > 0 < error
    assert auc_over(other, one) == pytest.approx((-change, error))


def test_a_trial_without_scores_is_not_compared(tmp_path):
    one = written(tmp_path / "one", LABEL)
    (tmp_path / "none").mkdir()
    assert auc_over(one, tmp_path / "none") is auc_over(tmp_path / "none", one) is None


def test_scores_of_other_candidates_are_an_error_that_names_the_files(tmp_path):
    one, other = written(tmp_path / "one", LABEL), written(tmp_path / "other", LABEL, 1 - LABEL)
    with pytest.raises(ValueError, match=r"one/scores.npz and .*other/scores.npz are not of the"):
        auc_over(one, other)


def test_models_are_compared_with_the_trees_that_are_best_on_validation(variant, tmp_path):
    trials = [
        NetworkTrial(variant("eta"), 1),
        NetworkTrial(variant("eta"), 2),
        GbdtTrial(variant("gbdt"), 1),
        GbdtTrial(variant("gbdt+patience=1"), 1),
        NetworkTrial(variant("none"), 1),
    ]
    validation = {"eta": 0.9, "gbdt": 0.7, "gbdt+patience=1": 0.8}
    results, scores = [], {}
    for trial in trials[:-1]:
        measured = fake_trials.measured(0.5, validation_auc=validation[trial.name])
        results.append(TrialResult(trial.name, trial.seed, "f", {}, measured))
        scores[trial.slug] = LABEL + RNG.normal(0, 1, 100)
        written(tmp_path / trial.slug, scores[trial.slug])
    found = over_trees(trials, results, tmp_path)
    assert set(found) == {"eta", "gbdt"}
    strongest = scores[trials[3].slug]
    expected = [auc_change(LABEL, strongest, scores[t.slug], USER) for t in trials[:2]]
    assert found["eta"] == pytest.approx(np.mean(expected, axis=0))
    assert over_trees(trials, results[:2], tmp_path) == {}
