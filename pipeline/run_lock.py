"""One run at a time in a working folder."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator

from lifelong.data.folders import make_folder
from lifelong.pipeline.config import Workdir


@contextlib.contextmanager
def only_run(workdir: Workdir) -> Iterator[None]:
    """Holds the working folder: two runs at a time would mix their records.

    The lock goes with the process, so a killed run leaves none behind.

    Args:
        workdir: The folder, made if missing.

    Raises:
        OSError: If another run holds it, or it cannot be written to.
    """
    make_folder("workdir", workdir.root)
    with workdir.lock.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OSError(
                f"another run is using {workdir.root}: wait for it or name another --workdir"
            ) from None
        yield
