"""Keeps what TensorFlow notes for its own makers, as it is loaded and as the process ends, off the screen.

TensorFlow 2.19 and later write some of it without looking at TF_CPP_MIN_LOG_LEVEL, which silences it in
those before.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.abc
import importlib.machinery
import importlib.util
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from types import ModuleType
from typing import Any

_NOTE = re.compile(rb"I\d{4} |WARNING: All log messages before absl::InitializeLog\(\)")


def load_tensorflow_quietly() -> None:
    """Sees to it that TensorFlow's notes are left out when, and if, it is imported.

    They are shown where TF_CPP_MIN_LOG_LEVEL is 0.
    """
    wanted = os.environ.get("TF_CPP_MIN_LOG_LEVEL", "0") == "0"
    if not wanted and "tensorflow" not in sys.modules and _FINDER not in sys.meta_path:
        sys.meta_path.insert(0, _FINDER)


def end_tensorflow_quietly() -> None:
    """Sees to it that functions of TensorFlow that outlive it say nothing as the process ends.

    What a thread of Beam still holds then is freed after the modules that it needs for it, and tells
    of a TypeError that means nothing.
    """
    told = sys.unraisablehook
    if getattr(told, "__name__", "") == _tell_others.__name__:
        return
    sys.unraisablehook = functools.partial(_tell_others, told)
    sys.unraisablehook.__name__ = _tell_others.__name__  # type: ignore[attr-defined]


def _tell_others(told: Callable[[Any], object], unraisable: Any) -> None:
    # No global name is there any more when it is needed.
    if getattr(unraisable.object, "__qualname__", "") != "AtomicFunction.__del__":
        told(unraisable)


class _Finder(importlib.abc.MetaPathFinder):
    """Finds TensorFlow alone, once."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != "tensorflow":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)
        return spec


_FINDER = _Finder()


class _Loader(importlib.abc.Loader):
    """Loads a module as another loader does, without notes."""

    def __init__(self, loader: importlib.abc.Loader) -> None:
        self._loader = loader

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        with _without_notes():
            self._loader.exec_module(module)


@contextlib.contextmanager
def _without_notes() -> Iterator[None]:
    """Writes what is printed to standard error, by C++ too, at the end, and leaves notes out."""
    sys.stderr.flush()
    screen = os.dup(2)
    with tempfile.TemporaryFile() as printed:
        os.dup2(printed.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(screen, 2)
            os.close(screen)
            printed.seek(0)
            for line in printed:
                if not _NOTE.match(line):
                    os.write(2, line)
