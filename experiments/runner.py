"""Runs trials one after another; what is finished stays finished."""

from __future__ import annotations

import statistics
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from lifelong.data.full_disk import FullDiskError, explain, is_full_disk
from lifelong.experiments.data import ExperimentData
from lifelong.experiments.trial import (
    Trial,
    TrialResult,
    read_result,
    write_result,
)

ERROR_FILE = "error.txt"


def run_trials(
    command: str,
    trials: Sequence[Trial],
    data: ExperimentData,
    folder: Path,
    report: Callable[[list[TrialResult]], None],
) -> list[str]:
    """Runs the trials that are not finished yet and says how far it is.

    A trial is finished if its folder holds a result with its fingerprint; with another one it is
    run again. A trial that fails does not keep the others from running.

    Args:
        command: Name of the command, to begin its lines with.
        trials: What to run, in this order.
        data: The records.
        folder: Each trial has a folder of its own in it.
        report: Called with all results so far, once the finished ones are known and after each
            trial.

    Returns:
        A sentence for each trial that failed.

    Raises:
        FullDiskError: The disk is full.
    """
    results: dict[str, TrialResult] = {}
    waiting: list[tuple[str, Trial]] = []
    for number, trial in enumerate(trials, 1):
        title = f"[{command}] {number}/{len(trials)} {trial.name} seed {trial.seed}"
        earlier = read_result(folder / trial.slug, trial.measured_type)
        if earlier is not None and earlier.fingerprint == trial.fingerprint(data):
            results[trial.slug] = earlier
            _print(f"{title}: finished before, {earlier.measured.outcome()}")
        else:
            waiting.append((title, trial))
            if earlier is not None:
                _print(f"{title}: settings or data have changed since it was run, so once more")
    if results:
        report(list(results.values()))

    failures = []
    seconds: dict[str, list[float]] = {}
    for place, (title, trial) in enumerate(waiting):
        _print(f"{title} ...{time_left(seconds, [t for _, t in waiting[place:]])}")
        started = time.monotonic()
        try:
            result = _run(trial, data, folder / trial.slug)
        except Exception as error:  # whatever it is, the other trials do not depend on this one
            if is_full_disk(error):  # but for this: they need room, too
                raise FullDiskError(
                    f"{title} failed: {explain(error, [folder])}. What is finished is kept: run the "
                    "same command again"
                ) from error
            failure = f"{trial.name} seed {trial.seed}: {type(error).__name__}: {error}"
            (folder / trial.slug / ERROR_FILE).write_text(traceback.format_exc())
            failures.append(f"{failure} (see {folder / trial.slug / ERROR_FILE})")
            _print(f"{title}: failed, {type(error).__name__}: {error}")
            continue
        seconds.setdefault(trial.kind, []).append(time.monotonic() - started)
        results[trial.slug] = result
        _print(f"{title}: {result.measured.outcome()}, in {_duration(seconds[trial.kind][-1])}")
        report([results[t.slug] for t in trials if t.slug in results])
    return failures


def conclude(report: Path, failures: Sequence[str]) -> int:
    """Prints a report, if any trial has come that far, and what failed.

    Args:
        report: File of the report.
        failures: What `run_trials` returned.

    Returns:
        The exit status: 1 if a trial failed.
    """
    if report.exists():
        _print(f"\n{report.read_text()}\nwritten, with plots, to {report.parent}")
    for failure in failures:
        print(f"failed: {failure}", file=sys.stderr)
    return 1 if failures else 0


def _run(trial: Trial, data: ExperimentData, folder: Path) -> TrialResult:
    folder.mkdir(parents=True, exist_ok=True)
    measured = trial.run(data, folder)
    result = TrialResult(
        trial.name, trial.seed, trial.fingerprint(data), trial.settings(), measured
    )
    write_result(result, folder)
    (folder / ERROR_FILE).unlink(missing_ok=True)
    return result


def time_left(seconds: dict[str, list[float]], waiting: list[Trial]) -> str:
    """Says how long the waiting trials take if each takes as long as its kind has so far."""
    if not seconds:
        return ""
    of_kind = {kind: statistics.mean(values) for kind, values in seconds.items()}
    usual = statistics.mean(of_kind.values())
    left = sum(of_kind.get(trial.kind, usual) for trial in waiting)
    return f" about {_duration(left)} left"


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def _print(text: str) -> None:
    print(text, flush=True)
