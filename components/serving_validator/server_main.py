"""The embedded server as a process of its own; see `ServerProcess`, which starts it."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from lifelong.components.serving_validator.config import XLA_FLAG
from lifelong.serving.server.server import ModelServer

_POLL_INTERVAL_S = 0.2


def main(arguments: Sequence[str]) -> None:
    """Serves until standard input is closed, which it is when the parent is gone, too.

    Args:
        arguments: Name of the model, folder of its versions, a file that the server's
            `host:port` is written to once it listens; then flags of TensorFlow Serving.
    """
    model_name, base_path, address_file, *flags = arguments
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    with ModelServer.of_model(
        model_name,
        base_path,
        poll_interval_s=_POLL_INTERVAL_S,
        max_load_retries=0,
        xla_cpu_compilation_enabled=XLA_FLAG in flags,
    ) as server:
        written = Path(f"{address_file}.part")
        written.write_text(server.address)
        written.rename(address_file)
        sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1:])
