"""`lifelong report`: the page about the last run."""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lifelong.commands.command import with_options
from lifelong.data.whole_file import check_can_hold_file
from lifelong.pipeline.config import Config, Workdir
from lifelong.pipeline.config_parser import load_config
from lifelong.pipeline.run_lock import only_run

if TYPE_CHECKING:
    from lifelong.pipeline.local_runner import RunOutcome


@dataclasses.dataclass(frozen=True)
class ReportOptions:
    """Options of `lifelong report`.

    It needs what `lifelong run` leaves: its configuration and metadata, and the artifacts, which may
    lie at URIs.

    Attributes:
        workdir: Folder of the runs.
        output: File to write; empty is `report.html` in the workdir.
    """

    workdir: str = "workdir"
    output: str = ""


def report(options: ReportOptions) -> int:
    """Writes the page about the newest run that came as far as its evaluation.

    Raises:
        FileNotFoundError: If there is no such run.
        OSError: If another run uses the folder, or the file cannot be written.
    """
    workdir = Workdir.at(options.workdir)
    config = load_config(workdir.config)
    path = Path(options.output).absolute() if options.output else workdir.report
    check_can_hold_file(path)
    with only_run(workdir):
        from lifelong.pipeline.progress import component_lines
        from lifelong.report.builder import write_report
        from lifelong.report.reported_run import ReportedRun

        with component_lines(workdir.log):
            failures = write_report(ReportedRun.read_last(config, workdir), path)
    _tell(path, failures)
    return 1 if failures else 0


def report_on_run(config: Config, workdir: Workdir, outcome: RunOutcome) -> None:
    """Writes the page about a run that has ended; what fails is told, and the run is what it was.

    Args:
        config: The run's configuration.
        workdir: Its folder.
        outcome: What came of it.
    """
    try:
        from lifelong.pipeline.progress import component_lines
        from lifelong.report.builder import write_report
        from lifelong.report.reported_run import ReportedRun

        with component_lines(workdir.log):
            failures = write_report(ReportedRun.of(config, workdir, outcome), workdir.report)
    except Exception as error:  # the run itself is over, and what came of it counts
        if os.environ.get("LIFELONG_TRACEBACK"):
            raise
        again = "lifelong report shows where, with LIFELONG_TRACEBACK=1"
        print(f"no report was written: {type(error).__name__}: {error} ({again})", file=sys.stderr)
        return
    _tell(workdir.report, failures)


def _tell(path: Path, failures: list[str]) -> None:
    print(f"report: {path}", flush=True)
    for failure in failures:
        print(f"not in the report: {failure}", file=sys.stderr)


COMMAND = with_options("write the page about the last run", ReportOptions, report)
