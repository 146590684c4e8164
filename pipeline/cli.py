"""The `lifelong` command: run the pipeline, serve its model, rank with it.

Heavy libraries are imported by the command that needs them: TFX takes ten seconds.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from jsonargparse import ActionConfigFile, ArgumentParser, Namespace

from lifelong.components.behavior_example_gen import completejourney
from lifelong.pipeline.config import Config, Workdir
from lifelong.pipeline.rank import RankOptions
from lifelong.pipeline.serve import ServeOptions

# Every field of the configuration but the window, which the model's lengths decide.
_SKIPPED = {"data.window"}


def main(args: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Args:
        args: Arguments; those of the process when None.

    Returns:
        The exit status: 0 if the command did what it says, 1 if it failed, 2 for bad arguments.
    """
    _set_environment()
    arguments = list(sys.argv[1:] if args is None else args)
    parser = make_parser()
    parsed = parser.parse_args(arguments)
    command = parsed.subcommand
    if command == "run" and not parsed.run.data.behaviors.files:
        # No log of the user's own: the defaults are those of the default data.
        parser = make_parser(journey_in=Path(parsed.run.workdir))
        parsed = parser.parse_args(arguments)
    chosen = parser.instantiate_classes(parsed)[command]
    try:
        return _COMMANDS[command](chosen)
    except (ValueError, OSError, RuntimeError) as error:
        if os.environ.get("LIFELONG_TRACEBACK"):
            raise
        print(f"lifelong {command}: {error}", file=sys.stderr)
        print("(LIFELONG_TRACEBACK=1 shows where)", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"lifelong {command}: interrupted; run it again to go on", file=sys.stderr)
        return 130


def make_parser(journey_in: Path | None = None) -> ArgumentParser:
    """Makes the parser of all commands.

    Args:
        journey_in: Working folder; if given, the defaults of `run` are those of The Complete
            Journey prepared there.
    """
    parser = ArgumentParser(
        prog="lifelong",
        description="Click-through-rate models on a user's whole behaviour history.",
    )
    commands = parser.add_subcommands(required=True)
    commands.add_subcommand("run", _run_parser(journey_in), help="train, gate and push a model")
    for name, options, text in (
        ("serve", ServeOptions, "serve the pushed model over gRPC"),
        ("rank", RankOptions, "rank candidates for a user of the log over gRPC"),
    ):
        command = ArgumentParser(description=text)
        command.add_class_arguments(options, as_group=False)
        commands.add_subcommand(name, command, help=text)
    return parser


def _run_parser(journey_in: Path | None) -> ArgumentParser:
    parser = ArgumentParser(
        description="Runs the pipeline: ingestion, training, baking, evaluation, push. Without "
        "data.behaviors.files it runs on The Complete Journey."
    )
    parser.add_argument("--config", action=ActionConfigFile, help="a YAML file of these values")
    parser.add_class_arguments(Config, as_group=False, skip=_SKIPPED)
    if journey_in is not None:
        data = completejourney.default_ingest_config(Workdir(journey_in).data)
        parser.set_defaults({"data": data})
    return parser


def _set_environment() -> None:
    # TFRS trains with tf_keras; this has to be said before TensorFlow is imported.
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def _run(options: Namespace) -> int:
    from lifelong.pipeline.run import run

    return run(Config(**{key: value for key, value in vars(options).items() if key != "config"}))


def _serve(options: Namespace) -> int:
    from lifelong.pipeline.serve import serve

    return serve(ServeOptions(**vars(options)))


def _rank(options: Namespace) -> int:
    from lifelong.pipeline.rank import rank

    return rank(RankOptions(**vars(options)))


_COMMANDS: dict[str, Callable[[Any], int]] = {"run": _run, "serve": _serve, "rank": _rank}
