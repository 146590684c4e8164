"""`lifelong run`: the whole pipeline on this machine, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Sequence

from jsonargparse import Namespace

from lifelong.commands.command import Command
from lifelong.pipeline.config import Workdir
from lifelong.pipeline.config_parser import make_config_parser, save_config, to_config
from lifelong.pipeline.run_lock import only_run


def _run(parsed: Namespace, arguments: Sequence[str]) -> int:
    """Returns 0; also when the gate refused the model, which is a result, not a failure."""
    workdir = Workdir.at(parsed.workdir)
    parser = make_config_parser()
    if not parsed.data.behaviors.files:
        # No log of the user's own, so the defaults are those of The Complete Journey.
        parser = make_config_parser(journey_in=workdir)
        parsed = parser.parse_args(arguments)
    config = to_config(parser, parsed)
    config.data.validate()
    with only_run(workdir):
        save_config(parser, parsed, workdir.config)

        from lifelong.commands.outcome import print_outcome
        from lifelong.pipeline.local_runner import run_locally

        started = time.monotonic()
        print_outcome(config, workdir, *run_locally(config, workdir))
        print(f"finished in {time.monotonic() - started:.0f} s\n")
    return 0


COMMAND = Command("train, gate and push a model", make_config_parser, _run)
