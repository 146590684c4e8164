"""Where a compiled pipeline runs, and what its file is called there."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

Target = Literal["kubeflow", "vertex"]
# How the target's client tells a pipeline from its file's name.
SUFFIXES: dict[str, tuple[str, ...]] = {"kubeflow": (".yaml", ".yml"), "vertex": (".json",)}


def output_file(target: Target, output: str = "") -> Path:
    """Returns the file that a pipeline is compiled to.

    Args:
        target: Where it is to run.
        output: The file's path; empty: `compiled_pipeline` in the current folder, with the target's suffix.

    Raises:
        ValueError: The path has another suffix.
    """
    suffixes = SUFFIXES[target]
    path = Path(output or f"compiled_pipeline{suffixes[0]}").absolute()
    if path.is_dir() or not path.parent.is_dir():
        raise ValueError(f"output is {str(path)!r}; name a file in a folder that exists")
    if path.suffix not in suffixes:
        raise ValueError(
            f"output is {output!r}; a pipeline for {target} is a file whose name ends in "
            f"{' or '.join(suffixes)}"
        )
    return path
