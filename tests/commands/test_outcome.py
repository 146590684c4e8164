import json
import math

import pytest

from lifelong.commands.outcome import (
    NOTHING_PUSHED,
    describe_serving,
    judge_run,
    read_warnings,
)
from lifelong.components.evaluation.report import Report, Row
from lifelong.components.serving_validator.config import ServingConfig
from lifelong.data.logs.counts import WARNINGS_FILE
from lifelong.pipeline.config import GateConfig
from lifelong.pipeline.run_record import Push, RunRecord

NOTED = {
    "reason": "",
    "requests": 64,
    "largest_score_difference": 2e-5,
    "latency_p50_ms": 6.54,
    "latency_p99_ms": 9.87,
    "warmup_requests": 19,
}


def test_what_the_served_model_showed_is_told():
    assert describe_serving(ServingConfig(latency_candidates=150), NOTED) == (
        "served: scores of 64 requests differ by at most 2e-05 from the Evaluator's; Predict with "
        "150 candidates and a full history p50 6.5 ms, p99 9.9 ms; 19 warm-up requests go with the "
        "model"
    )


def test_a_difference_of_0_is_told_as_far_as_metadata_keep_it():
    said = describe_serving(ServingConfig(), {**NOTED, "largest_score_difference": 0.0})
    assert "differ by at most 5e-07 from" in said


def test_why_a_model_is_not_pushed_is_told():
    refused = {"reason": "the server ended with status 1", "blessed": 0}
    said = describe_serving(ServingConfig(), refused)
    assert said == "Not to be pushed: the server ended with status 1"


def row(auc):
    return Row("all", auc, auc, 0.3, 1.0, 10, 100, 5, 0)


def judged(auc=0.7, baseline=None, reason="", pushed=None, cached=True, pushes=(), in_use=0):
    """The verdict on a run whose model is at `baked/1`."""
    gate = GateConfig(auc_min=0.6, auc_change_min=-0.005)
    failures = [] if auc >= gate.auc_min else [f"auc is {auc:.4f}, must be at least 0.6"]
    if baseline is not None and auc - baseline < gate.auc_change_min:
        failures.append("auc differs from the baseline's")
    rows = () if baseline is None else (row(baseline),)
    noted = {"pushed": int(pushed is not None), "pushed_version": str(pushed)}
    record = RunRecord(
        executed=() if cached else ("Evaluator", "Pusher"),
        cached=("Evaluator", "Pusher") if cached else (),
        outputs={
            ("SignatureBaker", "baked_model"): "baked/1",
            ("ServingValidator", "blessing"): "validated/1",
        },
        properties={
            ("ServingValidator", "blessing"): {"reason": reason},
            ("Pusher", "pushed_model"): noted,
        },
        pushes=tuple(pushes),
    )
    return judge_run(gate, record, Report((row(auc),), rows, not failures, tuple(failures)), in_use)


EARLIER = Push("baked/1", 5, "serving/5", "archive/5")


def test_a_pushed_model_is_success():
    assert judged(pushed=7, cached=False) == (0, "pushed: version 7")


def test_a_run_that_finds_its_model_in_use_is_success_and_says_that_nothing_is_new():
    status, said = judged(pushed=5, pushes=[EARLIER], in_use=5)
    assert status == 0
    assert said.startswith("nothing is new: an earlier run pushed this model, as version 5")


def test_a_model_in_use_need_not_be_better_than_itself():
    """As `gate.auc_change_min` above 0 asks of each."""
    assert judged(baseline=0.71, cached=False, pushes=[EARLIER], in_use=5).status == 0


@pytest.mark.parametrize("cached", [True, False])
@pytest.mark.parametrize("auc", [0.55, math.nan])
def test_a_model_below_the_gate_has_a_status_of_its_own_and_the_setting_is_named(auc, cached):
    status, said = judged(auc=auc, cached=cached, pushes=[EARLIER], in_use=5)
    assert status == NOTHING_PUSHED == 3
    assert "the Evaluator did not bless it: auc is" in said
    assert "or lower gate.auc_min (0.6)" in said
    assert "auc_change_min" not in said


def test_a_model_that_is_worse_than_the_blessed_one_is_told():
    status, said = judged(baseline=0.8, cached=False, pushes=[EARLIER], in_use=9)
    assert status == NOTHING_PUSHED
    assert "or lower gate.auc_change_min (-0.005)" in said


def test_a_model_that_cannot_be_served_is_told_with_the_setting_and_the_log():
    reason = "the 99th percentile is 9 ms, over the budget of 5 ms (serving.latency_budget_ms)"
    status, said = judged(reason=reason, cached=False)
    assert status == NOTHING_PUSHED
    assert f"- ServingValidator refused it: {reason}" in said
    assert (
        "mend the model or change serving.latency_budget_ms; the server's messages are in" in said
    )
    assert said.endswith("validated/1/server.log")
    assert "change" not in judged(reason="contains Python ops").text


@pytest.mark.parametrize(
    ("in_use", "said"), [(0, "it is gone from there"), (9, "9 is newer there")]
)
def test_a_model_that_was_pushed_but_is_not_in_use_is_told(in_use, said):
    status, text = judged(pushed=5, pushes=[EARLIER], in_use=in_use)
    assert status == NOTHING_PUSHED
    assert f"an earlier run pushed it to serving/5, but {said}" in text
    assert "copy archive/5 to a higher version, or set another serving_folder" in text


def test_warnings_of_the_data_are_read_where_there_are_some(tmp_path):
    assert read_warnings(str(tmp_path)) == []
    (tmp_path / WARNINGS_FILE).write_text(json.dumps(["28% of negatives were bought before"]))
    assert read_warnings(str(tmp_path)) == ["28% of negatives were bought before"]
