"""`lifelong run`: the whole pipeline on this machine, and what came of it."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path

import yaml
from tfx.orchestration.local.local_dag_runner import LocalDagRunner

from lifelong.components.behavior_example_gen import completejourney
from lifelong.components.evaluation.eval_config import make_eval_config
from lifelong.components.evaluation.report import Report, format_report, read_report
from lifelong.models.long_term import LONG_TERM_PARTS
from lifelong.pipeline.config import Config, Workdir
from lifelong.pipeline.create_pipeline import create_pipeline
from lifelong.pipeline.progress import component_lines
from lifelong.pipeline.run_record import RunRecord, read_last_run
from lifelong.pipeline.schema import write_schema


def run(config: Config) -> int:
    """Runs the pipeline locally and prints the evaluation.

    Args:
        config: The configuration.

    Returns:
        0; also when the gate refused the model, which is a result, not a failure.

    Raises:
        ValueError: If the configuration does not fit together or the data cannot be used.
    """
    if config.model.long_term not in LONG_TERM_PARTS:
        raise ValueError(
            f"model.long_term is {config.model.long_term!r}; "
            f"expected one of {', '.join(LONG_TERM_PARTS)}"
        )
    started = time.monotonic()
    workdir = Workdir(Path(config.workdir).resolve())
    ingest = config.ingest()
    if completejourney.is_default_log(ingest.behaviors, workdir.data):
        completejourney.prepare(workdir.data)
    workdir.root.mkdir(parents=True, exist_ok=True)
    save_config(config, workdir.config)
    pipeline = create_pipeline(
        pipeline_name=config.name,
        pipeline_root=workdir.artifacts,
        metadata_path=workdir.metadata,
        schema_file=write_schema(ingest.all_features, workdir.schemas),
        serving_folder=workdir.serving(config.name),
        checkpoint_folder=workdir.checkpoints,
        ingest=ingest,
        model=config.model,
        training=config.training,
        eval_config=make_eval_config(config.gate.auc_min, config.gate.auc_change_min),
        beam_args=list(config.beam_args),
    )
    print(f"running pipeline {config.name} ({config.model.long_term}) in {workdir.root}")
    with component_lines():
        LocalDagRunner().run(pipeline)
    record = read_last_run(workdir.metadata)
    report = read_report(record.outputs["Evaluator", "evaluation"])
    _print_outcome(config, workdir, record, report, time.monotonic() - started)
    return 0


def save_config(config: Config, path: Path) -> None:
    """Writes the configuration as YAML that `lifelong run --config` reads."""
    path.write_text(yaml.safe_dump(_plain(dataclasses.asdict(config)), sort_keys=False))


def _plain(value: object) -> object:
    if isinstance(value, dict):
        # The window follows from the model's lengths and cannot be set.
        return {key: _plain(part) for key, part in value.items() if key != "window"}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value


def _print_outcome(
    config: Config, workdir: Workdir, record: RunRecord, report: Report, seconds: float
) -> None:
    print(f"\nexecuted: {', '.join(record.executed) or 'nothing'}")
    print(f"unchanged: {', '.join(record.cached) or 'nothing'}")
    print(f"\n{config.model.long_term} on the eval split")
    print(format_report(report))
    versions = sorted(
        (p.name for p in workdir.serving(config.name).glob("[0-9]*")), key=int, reverse=True
    )
    if versions:
        print(f"serving: version {versions[0]} in {workdir.serving(config.name)}")
    else:
        print("serving: no model has been pushed yet")
    print(f"finished in {seconds:.0f} s\n")
