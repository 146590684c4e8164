"""What came of a run of the pipeline, for people to read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lifelong.components.evaluation.report import format_report
from lifelong.components.log_reading.noted import read_warnings
from lifelong.components.running_model.serving_folder import running_version
from lifelong.components.serving_validator.config import ServingConfig
from lifelong.pipeline.config import Config, Workdir
from lifelong.pipeline.local_runner import RunOutcome
from lifelong.pipeline.run_record import RunRecord
from lifelong.pipeline.verdict import Verdict, judge_run

# ML Metadata keeps six decimals of a number: 0 stands for whatever rounds to it.
_SMALLEST_NOTED = 5e-7


def print_outcome(config: Config, workdir: Workdir, outcome: RunOutcome) -> Verdict:
    """Prints what ran, the evaluation, what serving, baking and pushing showed, and warnings."""
    record, report, refusal = outcome
    print(f"\nexecuted: {', '.join(record.executed) or 'nothing'}")
    print(f"unchanged: {', '.join(record.cached) or 'nothing'}")
    print(f"\n{config.model.long_term} on the eval split")
    print(format_report(report))
    if not refusal:
        print(describe_serving(config.serving, record.properties["ServingValidator", "blessing"]))
    print(_describe_baking(record.properties["SignatureBaker", "baked_model"]))
    print(f"logs for TensorBoard: {record.outputs['Trainer', 'model_run']}")
    if config.store.build:
        print(_describe_store(record))
    serving_folder = workdir.places(config).serving_folder
    in_use = running_version(serving_folder)
    if in_use:
        print(f"newest version to serve: {in_use.number} in {serving_folder}")
    else:
        print(f"nothing to serve yet: no model has been pushed to {serving_folder}")
    warnings = read_warnings(record.outputs["BehaviorExampleGen", "quarantine"])
    if warnings:
        print("\nwarnings of the data:")
    for text in warnings:
        print(f"- {text}")
    return judge_run(config.gate, outcome)


def _describe_baking(noted: Mapping[str, Any]) -> str:
    size = noted["baked_table_bytes"]
    tables = f"baked tables: {size / 1e6:.2f} MB" if size else "no tables to bake"
    return (
        f"{tables}, exported in {noted['baking_seconds']:.1f} s; scores differ by at most "
        f"{_score_difference(noted)} on {noted['proof_requests']} real requests"
    )


def describe_serving(config: ServingConfig, noted: Mapping[str, Any]) -> str:
    """Returns what the served model showed.

    Args:
        config: What it was asked to show.
        noted: Custom properties of ServingValidator's blessing.
    """
    return (
        f"served: scores of {noted['requests']} requests differ by at most "
        f"{_score_difference(noted)} from the Evaluator's; Predict with "
        f"{config.latency_candidates} candidates and a full history p50 "
        f"{noted['latency_p50_ms']:.1f} ms, p99 {noted['latency_p99_ms']:.1f} ms; "
        f"{noted['warmup_requests']} warm-up requests go with the model"
    )


def _score_difference(noted: Mapping[str, Any]) -> str:
    return f"{max(noted['largest_score_difference'], _SMALLEST_NOTED):.1g}"


def _describe_store(record: RunRecord) -> str:
    built = record.properties["BehaviorTreeBuilder", "behavior_tree"]
    pushed = record.properties["BehaviorStorePusher", "pushed_store"]
    return (
        f"behaviour store: {built['users']:,} users, {built['events']:,} events, "
        f"{built['bytes_per_event']:.1f} bytes per event; pushed to {pushed['pushed_destination']}"
    )
