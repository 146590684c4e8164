"""A request to stop that a signal handler may make."""

from __future__ import annotations

import os
import select


class StopSignal:
    """Is set once, by a signal or another thread, and ends the wait of who watches it.

    Unlike `threading.Event`, a handler may set it while the same thread waits: it takes no lock.
    """

    def __init__(self) -> None:
        self._is_set = False
        self._read, self._write = os.pipe()

    def set(self) -> None:
        """Asks to stop."""
        if not self._is_set:
            self._is_set = True
            os.write(self._write, b"!")

    def is_set(self) -> bool:
        """Whether it was asked to stop."""
        return self._is_set

    def wait(self, timeout: float) -> None:
        """Waits that many seconds, or until it is set."""
        select.select([self._read], [], [], timeout)

    def close(self) -> None:
        """Frees what it holds; it may not be set after that."""
        os.close(self._read)
        os.close(self._write)
