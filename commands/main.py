"""The `lifelong` command: run the pipeline, serve its model, rank, ingest events, compare models."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from jsonargparse import ArgumentParser

from lifelong.commands import compare, ingest, rank, run, serve, staleness, sweep

_INTERRUPTED = 130
_COMMANDS = {
    "run": run.COMMAND,
    "serve": serve.COMMAND,
    "rank": rank.COMMAND,
    "compare": compare.COMMAND,
    "sweep": sweep.COMMAND,
    "staleness": staleness.COMMAND,
    "ingest": ingest.COMMAND,
}


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
    name = parsed.subcommand
    try:
        return _COMMANDS[name].run(parsed[name], arguments[arguments.index(name) + 1 :])
    except (ValueError, OSError, RuntimeError) as error:
        if os.environ.get("LIFELONG_TRACEBACK"):
            raise
        print(f"lifelong {name}: {error}", file=sys.stderr)
        print("(with LIFELONG_TRACEBACK=1 it shows where)", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"lifelong {name}: interrupted; run it again to go on", file=sys.stderr)
        return _INTERRUPTED


def make_parser() -> ArgumentParser:
    """Makes the parser of all commands."""
    parser = ArgumentParser(
        prog="lifelong",
        description="Click-through-rate models on a user's whole behaviour history.",
        allow_abbrev=False,
    )
    commands = parser.add_subcommands(required=True)
    for name, command in _COMMANDS.items():
        commands.add_subcommand(name, command.make_parser(), help=command.help)
    return parser


if __name__ == "__main__":
    sys.exit(main())
