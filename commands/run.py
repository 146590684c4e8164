"""`lifelong run`: the whole pipeline on this machine, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from tfx.orchestration.local.local_dag_runner import LocalDagRunner

from lifelong.components.behavior_tree_builder.config import TreeConfig
from lifelong.components.evaluation.eval_config import make_eval_config
from lifelong.components.evaluation.report import Report, format_report, read_report
from lifelong.components.serving_validator.config import ServingConfig
from lifelong.pipeline.config import Config, Workdir
from lifelong.pipeline.create_pipeline import create_pipeline
from lifelong.pipeline.default_data import prepare_data
from lifelong.pipeline.progress import component_lines
from lifelong.pipeline.run_record import RunRecord, read_last_run
from lifelong.pipeline.schema import write_schema

# ML Metadata keeps six decimals of a number: 0 stands for whatever rounds to it.
_SMALLEST_NOTED = 5e-7


def run(config: Config, workdir: Workdir) -> int:
    """Runs the pipeline locally and prints the evaluation.

    Args:
        config: The configuration.
        workdir: Where things lie.

    Returns:
        0; also when the gate refused the model, which is a result, not a failure.

    Raises:
        ValueError: If the configuration does not fit together or the data cannot be used.
    """
    started = time.monotonic()
    record, report = _run_pipeline(config, workdir)
    _print_outcome(config, workdir, record, report)
    print(f"finished in {time.monotonic() - started:.0f} s\n")
    return 0


def _run_pipeline(config: Config, workdir: Workdir) -> tuple[RunRecord, Report]:
    prepare_data(config, workdir)
    pipeline = create_pipeline(
        pipeline_name=config.name,
        pipeline_root=workdir.artifacts,
        metadata_path=workdir.metadata,
        schema_file=write_schema(config.data.all_features, workdir.schemas),
        serving_folder=workdir.serving(config.name),
        checkpoint_folder=workdir.checkpoints,
        ingest=config.data,
        model=config.model,
        training=config.training,
        eval_config=make_eval_config(config.gate.auc_min, config.gate.auc_change_min),
        export=config.export,
        serving=config.serving,
        tree=_tree_config(config),
        store_destination=config.store.destination or str(workdir.behavior_store(config.name)),
        store_versions=config.store.keep_versions,
        beam_args=config.beam_args,
    )
    print(f"pipeline: {config.name} with long-term part {config.model.long_term}, {workdir.root}")
    with component_lines(workdir.log):
        LocalDagRunner().run(pipeline)
        record = read_last_run(workdir.metadata)
        report = read_report(record.outputs["Evaluator", "evaluation"])
    return record, report


def _tree_config(config: Config) -> TreeConfig | None:
    store = config.store
    if not store.build:
        return None
    return TreeConfig.of(
        config.data, store.shards, store.max_events_per_category, store.max_age_days
    )


def _print_outcome(config: Config, workdir: Workdir, record: RunRecord, report: Report) -> None:
    print(f"\nexecuted: {', '.join(record.executed) or 'nothing'}")
    print(f"unchanged: {', '.join(record.cached) or 'nothing'}")
    print(f"\n{config.model.long_term} on the eval split")
    print(format_report(report))
    print(_describe_serving(config.serving, record.properties["ServingValidator", "blessing"]))
    print(_describe_baking(record.properties["SignatureBaker", "baked_model"]))
    print(f"logs for TensorBoard: {record.outputs['Trainer', 'model_run']}")
    if config.store.build:
        print(_describe_store(record))
    serving = workdir.serving(config.name)
    versions = [int(path.name) for path in serving.glob("[0-9]*")]
    if versions:
        print(f"newest version to serve: {max(versions)} in {serving}")
    else:
        print(f"nothing to serve yet: no model has been pushed to {serving}")


def _describe_baking(noted: Mapping[str, Any]) -> str:
    size = noted["baked_table_bytes"]
    tables = f"baked tables: {size / 1e6:.2f} MB" if size else "no tables to bake"
    return (
        f"{tables}, exported in {noted['baking_seconds']:.1f} s; scores differ by at most "
        f"{_score_difference(noted)} on {noted['proof_requests']} real requests"
    )


def _describe_serving(config: ServingConfig, noted: Mapping[str, Any]) -> str:
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
