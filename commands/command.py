"""What makes a sub-command: its help, its parser, and what it does."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from jsonargparse import ArgumentParser, Namespace

from lifelong.pipeline.config import Config, Workdir
from lifelong.pipeline.config_parser import load_config_or_default
from lifelong.pipeline.run_lock import only_run

Options = TypeVar("Options")


class Command(NamedTuple):
    """A sub-command of `lifelong`.

    Modules of commands import heavy libraries only when they run: TFX alone takes ten seconds.

    Attributes:
        help: What it does, in a line.
        make_parser: Makes the parser of its arguments.
        run: Given what the parser read, and the arguments themselves, does it; returns the exit
            status. What is raised for the user to mend is a ValueError, OSError or RuntimeError.
    """

    help: str
    make_parser: Callable[[], ArgumentParser]
    run: Callable[[Namespace, Sequence[str]], int]


def with_options(
    help_text: str, options: Callable[..., Options], run: Callable[[Options], int]
) -> Command:
    """Returns a command whose arguments are the fields of a dataclass.

    Args:
        help_text: What it does, in a line.
        options: The dataclass.
        run: Given the options, does it; returns the exit status.
    """

    @functools.cache
    def make_parser() -> ArgumentParser:
        parser = ArgumentParser(description=help_text, allow_abbrev=False)
        parser.add_class_arguments(options, as_group=False)
        return parser

    def run_with(parsed: Namespace, arguments: Sequence[str]) -> int:
        # Options within options are dataclasses of their own.
        return run(options(**vars(make_parser().instantiate_classes(parsed))))

    return Command(help_text, make_parser, run_with)


def experiment(
    help_text: str, options: Callable[..., Any], run: Callable[[Any, Config, Workdir], int]
) -> Command:
    """Returns the command of an experiment on the records of a working folder.

    Args:
        help_text: What it does, in a line.
        options: Dataclass of the options, with `workdir`.
        run: Given options, the configuration of the last run and the folder, which no other run
            uses meanwhile, does it; returns the exit status.
    """

    def run_alone(chosen: Any) -> int:
        workdir = Workdir.at(chosen.workdir)
        with only_run(workdir):
            return run(chosen, load_config_or_default(workdir), workdir)

    return with_options(help_text, options, run_alone)
