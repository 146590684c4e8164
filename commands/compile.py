"""`lifelong compile`: the pipeline as a file that Kubeflow Pipelines or Vertex runs."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

from lifelong.commands.command import with_options
from lifelong.pipeline.targets import Target, output_file


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
    from lifelong.pipeline.kubeflow_runner import compile_pipeline

    config = read_cluster_config(options.config, "lifelong compile")
    job = compile_pipeline(config, path)
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
