r"""`lifelong compile`: the pipeline as a file that Kubeflow Pipelines or Vertex runs.

TFX's own command runs this file, too:

    TF_USE_LEGACY_KERAS=1 LIFELONG_CONFIG=pipeline.yaml \
        tfx pipeline compile --engine vertex --pipeline_path commands/compile.py
"""

from __future__ import annotations

import dataclasses
import functools
import os
import sys
from pathlib import Path
from typing import Any

from lifelong.commands.command import with_options
from lifelong.pipeline.config import Config
from lifelong.pipeline.targets import Target, output_file

_CONFIG_VARIABLE = "LIFELONG_CONFIG"


@dataclasses.dataclass(frozen=True)
class CompileOptions:
    """What to compile, and for whom.

    Attributes:
        config: Configuration of the pipeline, a YAML file as `lifelong run` reads it. Places are URIs, or
            paths of a volume that all tasks see, and `image` is set.
        target: Where it is to run.
        output: File to write. Empty: compiled_pipeline.yaml for kubeflow, compiled_pipeline.json for
            vertex.
    """

    config: str
    target: Target = "kubeflow"
    output: str = ""


def _run(options: CompileOptions) -> int:
    path = output_file(options.target, options.output)
    if path == Path(options.config).absolute():
        raise ValueError(f"output is {str(path)!r}, the configuration itself; name another file")

    from lifelong.pipeline.cluster import read_cluster_config

    config = read_cluster_config(options.config, "lifelong compile")
    job = write_pipeline(config, path)
    if "@" in config.store.destination:
        print(
            "store.destination has a password, which is in the file now: who may read the file may read the "
            "store (`lifelong submit --store_destination` keeps it out of the configuration)",
            file=sys.stderr,
        )
    spec = job["pipelineSpec"]
    parameters = spec["root"]["inputDefinitions"]["parameters"]
    print(f"{path}: {len(spec['root']['dag']['tasks'])} tasks in the image {config.image}")
    print(
        f"`lifelong submit` starts it and gives it {', '.join(sorted(parameters))}: what logs and "
        "destinations are like then"
    )
    return 0


COMMAND = with_options("write the pipeline for Kubeflow or Vertex", CompileOptions, _run)


def write_pipeline(config: Config, output: Path) -> dict[str, Any]:
    """Compiles the pipeline with the task that writes the page about a run; see `compile_pipeline`."""
    from lifelong.pipeline.kubeflow_runner import compile_pipeline
    from lifelong.report.reporter.component import reporters

    return compile_pipeline(config, output, functools.partial(reporters, config))


def run_by_tfx() -> None:
    """Compiles the pipeline whose configuration the environment names.

    Raises:
        ValueError: It names none, or one that cannot be compiled.
    """
    from lifelong.pipeline.cluster import read_cluster_config

    path = os.environ.get(_CONFIG_VARIABLE)
    if not path:
        raise ValueError(f"set {_CONFIG_VARIABLE} to a configuration file (YAML)")
    write_pipeline(read_cluster_config(path), Path.cwd() / "pipeline.json")


if __name__ == "__main__":
    run_by_tfx()
