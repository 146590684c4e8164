import math

import pytest

from lifelong.components.evaluation.report import Report, Row
from lifelong.pipeline.config import GateConfig
from lifelong.pipeline.local_runner import RunOutcome
from lifelong.pipeline.run_record import RunRecord
from lifelong.pipeline.verdict import NOTHING_PUSHED, judge_run


def row(auc):
    return Row("all", auc, auc, 0.3, 1.0, 10, 100, 5, 0)


def judged(auc=0.7, baseline=None, refusal="", pushed=None, running=None, cached=False):
    """The verdict on a run."""
    gate = GateConfig(auc_min=0.6, auc_change_min=-0.005)
    failures = [] if auc >= gate.auc_min else [f"auc is {auc:.4f}, must be at least 0.6"]
    if baseline is not None and auc - baseline < gate.auc_change_min:
        failures.append("auc differs from the baseline's")
    rows = () if baseline is None else (row(baseline),)
    noted = {"pushed": int(pushed is not None)}
    noted |= {"pushed_version": str(pushed)} if pushed else {}
    noted |= {"running_version": str(running)} if running else {}
    record = RunRecord(
        executed=() if cached else ("Evaluator", "Pusher"),
        cached=("Evaluator", "Pusher") if cached else (),
        outputs={},
        properties={} if refusal else {("Pusher", "pushed_model"): noted},
    )
    report = Report((row(auc),), rows, not failures, tuple(failures))
    return judge_run(gate, RunOutcome(record, report, refusal))


def test_a_pushed_model_is_success():
    assert judged(pushed=7) == (0, "pushed: version 7")


@pytest.mark.parametrize("cached", [True, False])
def test_a_run_that_finds_its_model_in_use_is_success_and_says_that_nothing_is_new(cached):
    assert judged(running=5, cached=cached) == (
        0,
        "nothing is new: this model is version 5, in use",
    )


def test_a_model_in_use_need_not_be_better_than_itself():
    """As `gate.auc_change_min` above 0 asks of each."""
    assert judged(baseline=0.71, running=5).status == 0


@pytest.mark.parametrize("cached", [True, False])
@pytest.mark.parametrize("auc", [0.55, math.nan])
def test_a_model_below_the_gate_has_a_status_of_its_own_and_the_setting_is_named(auc, cached):
    status, said = judged(auc=auc, cached=cached, running=5)
    assert status == NOTHING_PUSHED == 3
    assert "the Evaluator did not bless it: auc is" in said
    assert "or lower gate.auc_min (0.6)" in said
    assert "auc_change_min" not in said


def test_a_model_that_is_worse_than_the_running_one_is_told():
    status, said = judged(baseline=0.8)
    assert status == NOTHING_PUSHED
    assert "or lower gate.auc_change_min (-0.005)" in said


def test_a_model_that_cannot_be_served_is_told_with_the_setting():
    reason = "the 99th percentile is 9 ms, over the budget of 5 ms (serving.latency_budget_ms)"
    status, said = judged(refusal=reason)
    assert status == NOTHING_PUSHED
    assert f"- ServingValidator refused it: {reason}" in said
    assert said.endswith("mend the model or change serving.latency_budget_ms")
    assert "change" not in judged(refusal="contains Python ops").text
