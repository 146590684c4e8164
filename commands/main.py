"""The `lifelong` command: run the pipeline, serve its model, rank, ingest events, compare models.

Heavy libraries are imported by the command that needs them: TFX alone takes ten seconds.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from jsonargparse import ArgumentParser, Namespace

from lifelong.commands.ingest import IngestOptions, make_ingest_parser
from lifelong.commands.rank import RankOptions
from lifelong.commands.serve import ServeOptions
from lifelong.experiments.options import CompareOptions, StalenessOptions, SweepOptions
from lifelong.pipeline.config import Workdir
from lifelong.pipeline.config_parser import (
    load_config_or_default,
    make_config_parser,
    save_config,
    to_config,
)
from lifelong.pipeline.run_lock import only_run

_INTERRUPTED = 130


def main(args: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Args:
        args: Arguments; those of the process when None.

    Returns:
        The exit status: 0 if the command did what it says, 1 if it failed. Bad arguments end the
        process with status 2.
    """
    # TFRS trains with tf_keras; this has to be said before TensorFlow is imported.
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    # TensorFlow's C++ side prints errors at import where there is no GPU; real ones are raised.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    arguments = list(sys.argv[1:] if args is None else args)
    parsed = make_parser().parse_args(arguments)
    command = parsed.subcommand
    try:
        return _COMMANDS[command](parsed[command], arguments[arguments.index(command) + 1 :])
    except (ValueError, OSError, RuntimeError) as error:
        if os.environ.get("LIFELONG_TRACEBACK"):
            raise
        print(f"lifelong {command}: {error}", file=sys.stderr)
        print("(with LIFELONG_TRACEBACK=1 it shows where)", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"lifelong {command}: interrupted; run it again to go on", file=sys.stderr)
        return _INTERRUPTED


def make_parser() -> ArgumentParser:
    """Makes the parser of all commands."""
    parser = ArgumentParser(
        prog="lifelong",
        description="Click-through-rate models on a user's whole behaviour history.",
        allow_abbrev=False,
    )
    commands = parser.add_subcommands(required=True)
    commands.add_subcommand("run", make_config_parser(), help="train, gate and push a model")
    for name, options, text in (
        ("serve", ServeOptions, "serve the pushed model over gRPC"),
        ("rank", RankOptions, "rank candidates for a user of the log over gRPC"),
        ("compare", CompareOptions, "train several models with several seeds and compare them"),
        ("sweep", SweepOptions, "vary signature bits and searched events of a trained model"),
        ("staleness", StalenessOptions, "measure what an index costs that lags behind its model"),
    ):
        command = ArgumentParser(description=text, allow_abbrev=False)
        command.add_class_arguments(options, as_group=False)
        commands.add_subcommand(name, command, help=text)
    commands.add_subcommand(
        "ingest", make_ingest_parser(), help="append the events of a live log to the store"
    )
    return parser


def _run(parsed: Namespace, arguments: list[str]) -> int:
    workdir = Workdir(Path(parsed.workdir).resolve())
    parser = make_config_parser()
    if not parsed.data.behaviors.files:
        # No log of the user's own, so the defaults are those of The Complete Journey.
        parser = make_config_parser(journey_in=workdir)
        parsed = parser.parse_args(arguments)
    config = to_config(parser, parsed)
    config.data.validate()
    with only_run(workdir):
        save_config(parser, parsed, workdir.config)

        from lifelong.commands.run import run

        return run(config, workdir)


def _serve(parsed: Namespace, arguments: list[str]) -> int:
    from lifelong.commands.serve import serve

    return serve(ServeOptions(**vars(parsed)))


def _rank(parsed: Namespace, arguments: list[str]) -> int:
    from lifelong.commands.rank import rank

    return rank(RankOptions(**vars(parsed)))


def _ingest(parsed: Namespace, arguments: list[str]) -> int:
    from lifelong.commands.ingest import ingest

    return ingest(IngestOptions(**vars(parsed)))


def _compare(parsed: Namespace, arguments: list[str]) -> int:
    options = CompareOptions(**vars(parsed))
    workdir = Workdir(Path(options.workdir).resolve())
    with only_run(workdir):
        from lifelong.experiments.compare import compare

        return compare(options, load_config_or_default(workdir), workdir)


def _sweep(parsed: Namespace, arguments: list[str]) -> int:
    options = SweepOptions(**vars(parsed))
    workdir = Workdir(Path(options.workdir).resolve())
    with only_run(workdir):
        from lifelong.experiments.sweep import sweep

        return sweep(options, load_config_or_default(workdir), workdir)


def _staleness(parsed: Namespace, arguments: list[str]) -> int:
    options = StalenessOptions(**vars(parsed))
    workdir = Workdir(Path(options.workdir).resolve())
    with only_run(workdir):
        from lifelong.experiments.staleness.experiment import staleness

        return staleness(options, load_config_or_default(workdir), workdir)


_COMMANDS = {
    "run": _run,
    "serve": _serve,
    "rank": _rank,
    "ingest": _ingest,
    "compare": _compare,
    "sweep": _sweep,
    "staleness": _staleness,
}


if __name__ == "__main__":
    sys.exit(main())
