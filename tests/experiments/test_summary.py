import pytest

from lifelong.experiments.metrics import Metrics
from lifelong.experiments.summary import Stat, summarize
from lifelong.experiments.trial import Measured, TrialResult
from tests.experiments.fake_trials import result


def test_mean_and_sample_standard_deviation_by_hand():
    stat = Stat.of([1.0, 2.0, 6.0])
    assert stat.mean == pytest.approx(3.0)
    # Deviations -2, -1, 3: sqrt((4 + 1 + 9) / (3 - 1)).
    assert stat.sd == pytest.approx(7**0.5)


def test_one_value_has_no_deviation_and_none_has_no_mean():
    assert Stat.of([2.0]) == Stat(2.0, None)
    assert Stat.of([None, 2.0]) == Stat(2.0, None)
    assert Stat.of([None, None]) == Stat(None, None)


def test_models_are_summarised_over_their_seeds_in_the_order_they_appear():
    results = [
        result("eta", 17, 0.75, ranking_ms=4.0),
        result("mean", 17, 0.5),
        result("eta", 18, 0.25, ranking_ms=6.0),
    ]
    eta, mean = summarize(results)
    assert (eta.name, eta.seeds) == ("eta", (17, 18))
    assert eta.overall["auc"].mean == pytest.approx(0.5)
    assert eta.overall["auc"].sd == pytest.approx(2**0.5 / 4)
    assert eta.figures["ranking_ms"].mean == pytest.approx(5.0)
    assert (mean.name, mean.seeds) == ("mean", (17,))
    assert mean.overall["auc"] == Stat(0.5, None)
    assert mean.figures["ranking_ms"] == Stat(None, None)


def test_buckets_come_in_their_natural_order_and_only_if_there_are_requests():
    rows = tuple(
        Metrics(history, auc, None, 0.3, 5, 20)
        for history, auc in (("1,200+", 0.9), ("all", 0.7), ("100-300", None))
    )
    (model,) = summarize([TrialResult("eta", 1, "f", {}, Measured(rows, None, None))])
    assert list(model.by_history) == ["all", "100-300", "1,200+"]
    assert model.by_history["100-300"]["auc"] == Stat(None, None)
    assert model.by_history["1,200+"]["auc"] == Stat(0.9, None)
