"""The `lifelong` command: run the pipeline, serve its model, rank, keep its store fresh, compare models."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from lifelong.commands.quiet_start import end_tensorflow_quietly, load_tensorflow_quietly
from lifelong.data.extras import explained, misfit
from lifelong.data.full_disk import FullDiskError, explain, is_full_disk

if TYPE_CHECKING:
    from lifelong.pipeline.parser import Parser

_INTERRUPTED = 130
# As shells say of a process that SIGPIPE has ended.
_NOBODY_READS = 141


def main(args: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Args:
        args: Arguments; those of the process when None.

    Returns:
        The exit status: 0 if the command did what it says, 1 if it failed, 3 if `lifelong run` had
        no model to push, 130 if it was interrupted, 141 if what read its output has ended. Bad
        arguments end the process with status 2.
    """
    # TFRS trains with tf_keras; this has to be said before TensorFlow is imported.
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    # TensorFlow's C++ side prints errors at import where there is no GPU; real ones are raised.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    load_tensorflow_quietly()
    end_tensorflow_quietly()
    arguments = list(sys.argv[1:] if args is None else args)
    name = next((argument for argument in arguments if not argument.startswith("-")), "")
    try:
        try:
            return _run(name, arguments)
        except SystemExit:  # `--help`
            _flush()
            raise
    except ModuleNotFoundError as error:
        missing = explained(error, f"lifelong {name}".rstrip())
        if missing is error or os.environ.get("LIFELONG_TRACEBACK"):
            raise
        print(missing, file=sys.stderr)
        return 1
    except Exception as error:
        if isinstance(error, BrokenPipeError) and _nobody_reads():
            return _NOBODY_READS
        told = _told(error)
        if not told or os.environ.get("LIFELONG_TRACEBACK"):
            raise
        print(f"lifelong {name}: {told}", file=sys.stderr)
        print("(with LIFELONG_TRACEBACK=1 it shows where)", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"lifelong {name}: interrupted; run it again to go on", file=sys.stderr)
        return _INTERRUPTED


def _run(name: str, arguments: Sequence[str]) -> int:
    # Here, so that what they import may be missing.
    from lifelong.commands.parser import COMMANDS, make_parser

    if name not in COMMANDS or arguments[0] != name:
        _refuse(make_parser(), name, arguments, list(COMMANDS))
    command = COMMANDS[name]
    parser = command.make_parser()
    parser.prog = f"lifelong {name}"
    status = command.run(parser, parser.parse_args(arguments[1:]), arguments[1:])
    _flush()
    return status


def _flush() -> None:
    if sys.stdout is not None:  # it was closed before the command was started
        sys.stdout.flush()


def _nobody_reads() -> bool:
    """Tells whether it is the output that is closed, as by `head`; if so, the rest goes nowhere."""
    if sys.stdout is None:
        return False
    output = sys.stdout.fileno()
    poll = select.poll()
    poll.register(output, 0)
    if not any(event & select.POLLERR for _, event in poll.poll(0)):
        return False
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), output)
    return True


def _refuse(
    parser: Parser, name: str, arguments: Sequence[str], commands: Sequence[str]
) -> NoReturn:
    """Prints help where that is asked for, or what is wrong with the name of a command."""
    from lifelong.pipeline.value_checks import nearest

    if {"-h", "--help"} & set(arguments):
        parser.parse_args(["--help"])
    choices = ", ".join(commands)
    if not arguments:
        parser.error(f"a command is missing; choose from {choices}")
    if arguments[0] != name:
        parser.error(f"{arguments[0]} stands before the command ({choices}); write it behind")
    parser.error(f"there is no command {name}{nearest(name, commands)} ({choices})")


def _told(error: Exception) -> str:
    """Returns what to say of an error that is the user's to mend; empty if it is ours."""
    if wrong := misfit(error):
        return wrong
    if isinstance(error, (ValueError, RuntimeError, FullDiskError)):
        return str(error)
    if is_full_disk(error):
        return f"{explain(error, [Path.cwd()])}, and run the same command again"
    return str(error) if isinstance(error, OSError) else ""


if __name__ == "__main__":
    sys.exit(main())
