"""What each long-term part costs: a training step, a served request and memory, by the length L."""

from __future__ import annotations

import dataclasses
import functools
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from benchmarks.finished_run import FinishedRun
from benchmarks.parts import export_fresh
from benchmarks.ranking import CANDIDATES, session_call
from benchmarks.steps import fresh_model
from benchmarks.timing import paired_medians, paired_times
from lifelong.experiments.ranking_time import real_request
from lifelong.models.config import LongTermName, ModelConfig
from lifelong.models.long_term import LONG_TERM_PARTS
from lifelong.models.records import record_spec

LENGTHS = (1_000, 3_950)
BATCH = 128


def measure_long_term(lengths: Sequence[int] = LENGTHS, rounds: int = 100) -> list[str]:
    """Times all long-term parts in turn on the last run's records; weights are new.

    Args:
        lengths: L, the events that are searched.
        rounds: Counted session calls of each; training steps are a tenth of that.
    """
    run = FinishedRun.read()
    lines = []
    for length in lengths:
        configs = {
            name: dataclasses.replace(run.spec.model, long_term=name, long_length=length)
            for name in LONG_TERM_PARTS
        }
        steps = _step_seconds(run, configs, max(rounds // 10, 3))
        with tempfile.TemporaryDirectory() as folder:
            lines += [
                f"long_term, L = {length:,}, {name}: a training step of {BATCH} requests "
                f"{steps[name] * 1e3:.0f} ms, {served}"
                for name, served in _served(run, configs, rounds, Path(folder)).items()
            ]
    return lines


def _step_seconds(
    run: FinishedRun, configs: dict[LongTermName, ModelConfig], rounds: int
) -> dict[str, float]:
    # Of one window, so that all read the same batch.
    batch = next(iter(run.training_batches(BATCH, configs["none"])))
    steps = {}
    for name, config in configs.items():
        model = fresh_model(dataclasses.replace(run.spec, model=config))
        repeated = iter(tf.data.Dataset.from_tensors(batch).repeat())
        steps[name] = functools.partial(model.make_train_function(), repeated)
    return paired_medians(steps, rounds)


def _served(
    run: FinishedRun, configs: dict[LongTermName, ModelConfig], rounds: int, folder: Path
) -> dict[str, str]:
    """Tells the time of a session call and the size of the variables of each model."""
    window = max(config.max_events for config in configs.values())
    request = real_request(
        run.raw_files("eval"), record_spec(run.spec.features), window, CANDIDATES
    )
    calls = {
        name: session_call(export_fresh(run, config, str(folder / name / "1")), request)
        for name, config in configs.items()
    }
    seconds = paired_times(calls, rounds, warm_up=10)
    told = {}
    for name, values in seconds.items():
        p50, p99 = np.percentile(values, (50, 99)) * 1e3
        size = sum(file.stat().st_size for file in (folder / name / "1" / "variables").iterdir())
        told[name] = (
            f"{CANDIDATES} candidates and {request['history_length'][0]:,} events p50 {p50:.2f} ms, "
            f"p99 {p99:.2f} ms ({p50 / 1e3 / np.median(seconds['none']):.2f} of none), variables "
            f"{size / 1e6:.1f} MB"
        )
    return told
