"""The parser of the `lifelong` command, and all sub-commands by name."""

from __future__ import annotations

from lifelong.commands import (
    compare,
    compile,
    explain,
    fetch,
    ingest,
    rank,
    report,
    run,
    serve,
    staleness,
    submit,
    sweep,
    ui,
)
from lifelong.pipeline.parser import Parser

COMMANDS = {
    "run": run.COMMAND,
    "compile": compile.COMMAND,
    "submit": submit.COMMAND,
    "serve": serve.COMMAND,
    "rank": rank.COMMAND,
    "explain": explain.COMMAND,
    "ui": ui.COMMAND,
    "report": report.COMMAND,
    "compare": compare.COMMAND,
    "sweep": sweep.COMMAND,
    "staleness": staleness.COMMAND,
    "ingest": ingest.COMMAND,
    "fetch": fetch.COMMAND,
}


def make_parser() -> Parser:
    """Makes the parser of all commands."""
    parser = Parser(
        prog="lifelong",
        description="Click-through-rate models on a user's whole behaviour history.",
    )
    commands = parser.add_subcommands(required=True)
    for name, command in COMMANDS.items():
        commands.add_subcommand(name, command.make_parser(), help=command.help)
    return parser
