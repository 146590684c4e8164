"""What came of a run of the pipeline, for people to read."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import tensorflow as tf

from lifelong.components.evaluation.report import Report, format_report
from lifelong.components.serving_validator.config import ServingConfig
from lifelong.components.serving_validator.executor import LOG_FILE
from lifelong.data.logs.counts import WARNINGS_FILE
from lifelong.pipeline.config import Config, GateConfig, Workdir
from lifelong.pipeline.run_record import RunRecord
from lifelong.serving.server.version_folders import folder_names
from lifelong.serving.version_number import find_versions

# ML Metadata keeps six decimals of a number: 0 stands for whatever rounds to it.
_SMALLEST_NOTED = 5e-7
_SETTING = re.compile(r"serving\.\w+")


NOTHING_PUSHED = 3


class Verdict(NamedTuple):
    """The end of a run.

    Attributes:
        status: The exit status: 0, or `NOTHING_PUSHED`.
        text: What became of the model; if it was not pushed, why, and what to do.
    """

    status: int
    text: str


def print_outcome(config: Config, workdir: Workdir, record: RunRecord, report: Report) -> Verdict:
    """Prints what ran, the evaluation, what serving, baking and pushing showed, and warnings."""
    print(f"\nexecuted: {', '.join(record.executed) or 'nothing'}")
    print(f"unchanged: {', '.join(record.cached) or 'nothing'}")
    print(f"\n{config.model.long_term} on the eval split")
    print(format_report(report))
    print(describe_serving(config.serving, record.properties["ServingValidator", "blessing"]))
    print(_describe_baking(record.properties["SignatureBaker", "baked_model"]))
    print(f"logs for TensorBoard: {record.outputs['Trainer', 'model_run']}")
    if config.store.build:
        print(_describe_store(record))
    in_use = _newest_version(workdir.serving_folder(config))
    if in_use:
        print(f"newest version to serve: {in_use} in {workdir.serving_folder(config)}")
    else:
        print(f"nothing to serve yet: no model has been pushed to {workdir.serving_folder(config)}")
    warnings = read_warnings(record.outputs["BehaviorExampleGen", "quarantine"])
    if warnings:
        print("\nwarnings of the data:")
    for text in warnings:
        print(f"- {text}")
    return judge_run(config.gate, record, report, in_use)


def _newest_version(serving_folder: str) -> int:
    """Returns the highest number of a version; 0 if there is none."""
    names = folder_names(serving_folder) if tf.io.gfile.isdir(serving_folder) else []
    return max(find_versions(names).folders, default=0)


def read_warnings(quarantine: str) -> list[str]:
    """Reads what the ingestion warned of.

    Args:
        quarantine: URI of its artifact.
    """
    path = f"{quarantine}/{WARNINGS_FILE}"
    if not tf.io.gfile.exists(path):
        return []
    with tf.io.gfile.GFile(path) as file:
        return json.loads(file.read())


def judge_run(gate: GateConfig, record: RunRecord, report: Report, in_use: int) -> Verdict:
    """Returns whether a run gave a model to serve, and if not, why and what to do.

    Args:
        gate: What was asked of the model.
        record: What the run did.
        report: The evaluation.
        in_use: Newest version in the serving folder, 0 if there is none.
    """
    pushed = record.properties["Pusher", "pushed_model"]
    if "Pusher" in record.executed and pushed["pushed"]:
        return Verdict(0, f"pushed: version {pushed['pushed_version']}")
    before = [
        it for it in record.pushes if it.model == record.outputs["SignatureBaker", "baked_model"]
    ]
    reason = str(record.properties["ServingValidator", "blessing"]["reason"])
    # A change that is too small is no fault of a model that is compared with itself.
    is_good = report.rows[0].auc >= gate.auc_min and not reason
    if is_good and any(it.version == in_use for it in before):
        return Verdict(
            0, f"nothing is new: an earlier run pushed this model, as version {in_use}, in use"
        )
    lines = ["no model was pushed:"]
    if report.blessed is False:
        lines += [f"- the Evaluator did not bless it: {'; '.join(report.failures)}"]
        lines += [f"  next: give it more data or training, or lower {_thresholds(gate, report)}"]
    if reason:
        log = f"{record.outputs['ServingValidator', 'blessing']}/{LOG_FILE}"
        setting = _SETTING.search(reason)
        change = f" or change {setting[0]};" if setting else ";"
        lines += [f"- ServingValidator refused it: {reason}"]
        lines += [f"  next: mend the model{change} the server's messages are in {log}"]
    if len(lines) == 1 and before:
        last = max(before, key=lambda it: it.version)
        newer = f"{in_use} is newer there" if in_use > last.version else "it is gone from there"
        lines += [f"- an earlier run pushed it to {last.folder}, but {newer}"]
        lines += [f"  next: copy {last.archive} to a higher version, or set another serving_folder"]
    return Verdict(NOTHING_PUSHED, "\n".join(lines))


def _thresholds(gate: GateConfig, report: Report) -> str:
    """Returns the names of the thresholds that were missed."""
    auc = report.rows[0].auc
    missed = [] if auc >= gate.auc_min else [f"gate.auc_min ({gate.auc_min:g})"]
    if report.baseline and not auc - report.baseline[0].auc >= gate.auc_change_min:
        missed.append(f"gate.auc_change_min ({gate.auc_change_min:g})")
    return " and ".join(missed)


def _describe_baking(noted: Mapping[str, Any]) -> str:
    size = noted["baked_table_bytes"]
    tables = f"baked tables: {size / 1e6:.2f} MB" if size else "no tables to bake"
    return (
        f"{tables}, exported in {noted['baking_seconds']:.1f} s; scores differ by at most "
        f"{_score_difference(noted)} on {noted['proof_requests']} real requests"
    )


def describe_serving(config: ServingConfig, noted: Mapping[str, Any]) -> str:
    """Returns what the served model showed, or why it is not to be pushed.

    Args:
        config: What it was asked to show.
        noted: Custom properties of ServingValidator's blessing.
    """
    if noted["reason"]:
        return f"Not to be pushed: {noted['reason']}"
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
