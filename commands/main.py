"""The `lifelong` command: run the pipeline, serve its model, rank, ingest events, compare models."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from lifelong.data.extras import explained

_INTERRUPTED = 130


def main(args: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Args:
        args: Arguments; those of the process when None.

    Returns:
        The exit status: 0 if the command did what it says, 1 if it failed, 3 if `lifelong run` had
        no model to push, 130 if it was interrupted. Bad arguments end the process with status 2.
    """
    # TFRS trains with tf_keras; this has to be said before TensorFlow is imported.
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    # TensorFlow's C++ side prints errors at import where there is no GPU; real ones are raised.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    arguments = list(sys.argv[1:] if args is None else args)
    name = next((argument for argument in arguments if not argument.startswith("-")), "")
    try:
        # Here, so that what they import may be missing.
        from lifelong.commands.parser import COMMANDS, make_parser
        from lifelong.pipeline.value_checks import nearest

        if name not in COMMANDS or arguments[0] != name:
            parser = make_parser()
            if {"-h", "--help"} & set(arguments):
                parser.parse_args(["--help"])
            choices = ", ".join(COMMANDS)
            if name and arguments[0] != name:
                parser.error(f"{arguments[0]} stands before the command; write it after {name}")
            if name:
                parser.error(f"there is no command {name}{nearest(name, COMMANDS)} ({choices})")
            parser.error(f"a command is missing; choose from {choices}")
        command = COMMANDS[name]
        parser = command.make_parser()
        parser.prog = f"lifelong {name}"
        return command.run(parser, parser.parse_args(arguments[1:]), arguments[1:])
    except ModuleNotFoundError as error:
        missing = explained(error, f"lifelong {name}".rstrip())
        if missing is error or os.environ.get("LIFELONG_TRACEBACK"):
            raise
        print(missing, file=sys.stderr)
        return 1
    except (ValueError, OSError, RuntimeError) as error:
        if os.environ.get("LIFELONG_TRACEBACK"):
            raise
        print(f"lifelong {name}: {error}", file=sys.stderr)
        print("(with LIFELONG_TRACEBACK=1 it shows where)", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"lifelong {name}: interrupted; run it again to go on", file=sys.stderr)
        return _INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
