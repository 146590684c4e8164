"""`lifelong submit`: a run of the pipeline on Kubeflow Pipelines or Vertex."""

from __future__ import annotations

import tempfile

from lifelong.commands.command import with_options
from lifelong.commands.compile import write_pipeline
from lifelong.pipeline.submission import SubmitOptions
from lifelong.pipeline.targets import output_file


def _run(options: SubmitOptions) -> int:
    options.check()

    from lifelong.pipeline.checks import check_logs
    from lifelong.pipeline.cluster import cluster_places, read_cluster_config
    from lifelong.pipeline.run_parameters import RunParameters
    from lifelong.pipeline.submission import submit

    config = read_cluster_config(options.config, "lifelong submit", options.fields)
    check_logs(config)
    parameters = RunParameters.of(config, cluster_places(config)).by_name()
    for name, value in parameters.items():
        print(f"{name}: {value}")
    with tempfile.TemporaryDirectory() as folder:
        package = output_file(options.target, f"{folder}/pipeline{options.suffix}")
        write_pipeline(config, package)
        print(f"submitted: {submit(options, config, package, parameters)}")
    return 0


COMMAND = with_options("start a run on Kubeflow or Vertex", SubmitOptions, _run)
