"""A parser of arguments and of YAML whose errors are two lines: what is wrong, and where to look."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import yaml
from jsonargparse import ActionConfigFile, ArgumentParser

from lifelong.pipeline.value_checks import Problem, find_problem, kinds_of_fields, nearest

WRONG_ARGUMENTS = 2
_AT_FAULT = re.compile(r"""(?:Parser key|Group) ["']([^"']+)["']""")
_CLASS_PATH = re.compile(r"Problem with given class_path '[^']*':")


class Parser(ArgumentParser):
    """A parser of options that are the fields of a dataclass; its arguments are the base class's."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"allow_abbrev": False, **options})
        self.args = []
        self._options: Any = None
        self._kinds: dict[str, Any] = {}
        self._files: dict[str, yaml.Node] = {}

    def add_fields(self, options: Any, **how: Any) -> None:
        """Adds an option for each field of a dataclass.

        Args:
            options: The dataclass.
            **how: See `add_class_arguments`.
        """
        self.add_class_arguments(options, as_group=False, **how)
        self._options = options
        self._kinds = kinds_of_fields(options)

    def add_config_file(self) -> None:
        """Adds `--config`, a YAML file of the fields."""
        self.add_argument("--config", action=_ConfigFile, help="a YAML file of these values")

    def read_config_file(self, path: str) -> None:
        """Looks for what is wrong with a YAML file, but for the values of single fields.

        Ends the process as all errors do.

        Args:
            path: The file.
        """
        try:
            node = yaml.compose(Path(path).read_text(encoding="utf-8"), yaml.SafeLoader)
        except FileNotFoundError:
            self.error(f"--config: {path} does not exist; check the path")
        except IsADirectoryError:
            self.error(f"--config: {path} is a folder; name a YAML file in it")
        except OSError as error:
            self.error(f"--config: {path} cannot be read: {error.strerror}")
        except UnicodeDecodeError:
            self.error(f"--config: {path} is no text in UTF-8; name a YAML file")
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = f", line {mark.line + 1}" if mark else ""
            self.error(f"{path}{line}: this is no YAML: {error.problem or error.context}")
        except yaml.YAMLError as error:
            self.error(f"{path}: this is no YAML: {error}")
        if node is None:
            self.error(f"{path} sets nothing; write fields such as `model: {{heads: 2}}`")
        self._files[path] = node
        problem = find_problem(node, self._options, values=False)
        if problem is not None:
            self.error(_in_file(path, problem))

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Says in two lines what is wrong, and ends the process with status 2.

        Args:
            message: What is wrong, if it is not found here what is.
            ex: What was raised.

        Raises:
            ArgumentError: Instead, if `exit_on_error` is false.
        """
        words = self._in_words(message)
        if not self.exit_on_error:
            super().error(words, ex)
        print(f"{self.prog}: {words}", file=sys.stderr)
        print(f"`{self.prog} --help` lists the options and what they take", file=sys.stderr)
        self.exit(WRONG_ARGUMENTS)

    def _in_words(self, message: str) -> str:
        """Returns what is wrong in the words of whoever wrote the arguments."""
        given = self._given()
        for name in given:
            if name not in self._kinds and f"--{name}" not in self._option_string_actions:
                return f"there is no option --{name}{nearest(name, self._kinds, '--')}"
        at_fault = _AT_FAULT.search(message)
        for name, value in given.items():
            if at_fault and f"{name}.".startswith(f"{at_fault[1]}."):
                problem = _of_argument(name, value, self._kinds.get(name))
                if problem is not None:
                    return problem.text
        for path, node in self._files.items():
            problem = find_problem(node, self._options, values=True)
            if problem is not None:
                return _in_file(path, problem)
        return " ".join(_CLASS_PATH.sub("", message).split())

    def _given(self) -> Mapping[str, str | None]:
        """Returns the options among the arguments with their values, None where there is none."""
        given: dict[str, str | None] = {}
        arguments = list(self.args)
        for index, argument in enumerate(arguments):
            if argument.startswith("--") and argument != "--":
                name, equals, value = argument[2:].partition("=")
                following = arguments[index + 1 : index + 2]
                given[name] = value if equals else next(iter(following), None)
        return given


class _ConfigFile(ActionConfigFile):
    """Reads a YAML file, after a look at what is wrong with it."""

    def __call__(self, parser: Any, cfg: Any, values: Any, option_string: Any = None) -> None:
        parser.read_config_file(values)
        super().__call__(parser, cfg, values, option_string)


def _of_argument(name: str, value: str | None, kind: Any) -> Problem | None:
    if kind is None or value is None or kind is str:
        return None
    try:
        node = yaml.compose(value, yaml.SafeLoader)
    except yaml.YAMLError:
        node = None
    # What is no YAML, or empty, is a text.
    node = node or yaml.compose(json.dumps(value), yaml.SafeLoader)
    return None if node is None else find_problem(node, kind, name, values=True)


def _in_file(path: str, problem: Problem) -> str:
    return f"{path}, line {problem.line}: {problem.text}"
