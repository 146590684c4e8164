"""`lifelong run`: the whole pipeline on this machine, and what came of it."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from jsonargparse import Namespace

from lifelong.commands.command import Command
from lifelong.commands.report import report_on_run
from lifelong.pipeline.checks import check_before_run
from lifelong.pipeline.config import Workdir
from lifelong.pipeline.config_parser import (
    make_config_parser,
    parse_config,
    save_config,
    to_config,
)
from lifelong.pipeline.parser import Parser
from lifelong.pipeline.run_lock import only_run


def _run(parser: Parser, parsed: Namespace, arguments: Sequence[str]) -> int:
    """Returns the exit status: that nothing was pushed is one of its own, for whoever schedules it."""
    parser, parsed = parse_config(arguments, parser, parsed)
    config = to_config(parser, parsed)
    workdir = Workdir.at(config.workdir)
    with only_run(workdir):
        check_before_run(config, workdir)
        save_config(parser, parsed, workdir.config)

        from lifelong.commands.outcome import print_outcome
        from lifelong.pipeline.local_runner import run_locally

        started = time.monotonic()
        outcome = run_locally(config, workdir)
        verdict = print_outcome(config, workdir, outcome)
        if config.report.write:
            report_on_run(config, workdir, outcome)
        elif workdir.report.exists():
            print(f"report: {workdir.report} is of an earlier run (report.write is false)")
        print(f"finished in {time.monotonic() - started:.0f} s", flush=True)
    if verdict.status:
        print(f"lifelong run: {verdict.text}", file=sys.stderr)
    else:
        print(f"{verdict.text}\n")
    return verdict.status


COMMAND = Command("train, gate and push a model", make_config_parser, _run)
