"""The parser of the `lifelong` command, and all sub-commands by name."""

from __future__ import annotations

from jsonargparse import ArgumentParser

from lifelong.commands import compare, ingest, rank, run, serve, staleness, sweep

COMMANDS = {
    "run": run.COMMAND,
    "serve": serve.COMMAND,
    "rank": rank.COMMAND,
    "compare": compare.COMMAND,
    "sweep": sweep.COMMAND,
    "staleness": staleness.COMMAND,
    "ingest": ingest.COMMAND,
}


def make_parser() -> ArgumentParser:
    """Makes the parser of all commands."""
    parser = ArgumentParser(
        prog="lifelong",
        description="Click-through-rate models on a user's whole behaviour history.",
        allow_abbrev=False,
    )
    commands = parser.add_subcommands(required=True)
    for name, command in COMMANDS.items():
        commands.add_subcommand(name, command.make_parser(), help=command.help)
    return parser
