"""What makes a sub-command: its help, its parser, and what it does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from jsonargparse import Namespace

from lifelong.pipeline.checks import check_before_run
from lifelong.pipeline.config import Config, Workdir
from lifelong.pipeline.config_parser import (
    load_config_or_default,
    make_config_parser,
    read_config,
)
from lifelong.pipeline.parser import Parser
from lifelong.pipeline.run_lock import only_run

Options = TypeVar("Options")


class Command(NamedTuple):
    """A sub-command of `lifelong`.

    Modules of commands import heavy libraries only when they run: TFX alone takes ten seconds.

    Attributes:
        help: What it does, in a line.
        make_parser: Makes the parser of its arguments.
        run: Given that parser, what it read, and the arguments themselves, does it; returns the
            exit status. What is raised for the user to mend is a ValueError, OSError or
            RuntimeError.
    """

    help: str
    make_parser: Callable[[], Parser]
    run: Callable[[Parser, Namespace, Sequence[str]], int]


def with_options(
    help_text: str, options: Callable[..., Options], run: Callable[[Options], int]
) -> Command:
    """Returns a command whose arguments are the fields of a dataclass.

    Args:
        help_text: What it does, in a line.
        options: The dataclass.
        run: Given the options, does it; returns the exit status.
    """

    def run_with(parser: Parser, parsed: Namespace, arguments: Sequence[str]) -> int:
        return run(_made_of(options, parser, parsed))

    return Command(help_text, lambda: _parser_of(help_text, options), run_with)


def experiment(
    help_text: str, options: Callable[..., Any], run: Callable[[Any, Config, Workdir], int]
) -> Command:
    """Returns the command of an experiment on the records of a working folder.

    Args:
        help_text: What it does, in a line.
        options: Dataclass of the options, with `workdir` and `config`.
        run: Given options, the configuration and the folder, which no other run uses meanwhile,
            does it; returns the exit status.
    """

    def run_alone(parser: Parser, parsed: Namespace, arguments: Sequence[str]) -> int:
        if parsed.config:
            # The file says where its runs lie, unless the arguments do.
            of_file = make_config_parser(prog=parser.prog)
            parser.set_defaults(workdir=of_file.parse_args(["--config", parsed.config]).workdir)
            parsed = parser.parse_args(arguments)
        chosen = _made_of(options, parser, parsed)
        workdir = Workdir.at(chosen.workdir)
        config = (
            read_config(chosen.config, workdir, parser.prog)
            if chosen.config
            else load_config_or_default(workdir)
        )
        with only_run(workdir):
            check_before_run(config, workdir)
            return run(chosen, config, workdir)

    return Command(help_text, lambda: _parser_of(help_text, options), run_alone)


def _parser_of(help_text: str, options: Callable[..., Any]) -> Parser:
    parser = Parser(description=help_text)
    parser.add_fields(options)
    return parser


def _made_of(options: Callable[..., Options], parser: Parser, parsed: Namespace) -> Options:
    # Options within options are dataclasses of their own.
    return options(**vars(parser.instantiate_classes(parsed)))
