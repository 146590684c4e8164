"""Starts runs of a compiled pipeline through the clients of Kubeflow Pipelines and Vertex."""

from __future__ import annotations

import dataclasses
import datetime
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lifelong.data.extras import explained
from lifelong.pipeline.config import Config
from lifelong.pipeline.targets import SUFFIXES, Target


@dataclasses.dataclass(frozen=True)
class SubmitOptions:
    """What to run, and where.

    Attributes:
        config: Configuration of the pipeline, a YAML file, as for `lifelong compile`. Logs and
            destinations are looked at from here: a recurring run calls this command each time, since a
            schedule within Kubeflow would give all runs what they were like once.
        target: Where to run.
        host: kubeflow: URL of Kubeflow Pipelines' API. Empty: that of the cluster this command runs in.
        namespace: kubeflow: Namespace of the run, where there are several users.
        experiment: kubeflow: Experiment that the run belongs to. Empty: the pipeline's name.
        project: vertex: Project of Google Cloud.
        region: vertex: Its region, such as europe-west4.
        service_account: Account that the tasks run as. Empty: the target's default.
        store_destination: Where the behaviour store is pushed to, instead of what the configuration says:
            an address with a password comes from a Secret.
    """

    config: str
    target: Target = "kubeflow"
    host: str = ""
    namespace: str = ""
    experiment: str = ""
    project: str = ""
    region: str = ""
    service_account: str = ""
    store_destination: str = ""

    @property
    def fields(self) -> list[str]:
        """Arguments that set fields of the configuration."""
        place = self.store_destination
        return [f"--store.destination={place}"] if place else []

    @property
    def suffix(self) -> str:
        """Of the target's files."""
        return SUFFIXES[self.target][0]

    def check(self) -> None:
        """Checks which options belong to the target.

        Raises:
            ValueError: One is missing, or is another target's.
        """
        if self.target == "vertex":
            missing = [name for name in ("project", "region") if not getattr(self, name)]
            if missing:
                raise ValueError(f"--{missing[0]} is missing: Vertex runs pipelines of a project")
        foreign = {
            "kubeflow": ("project", "region"),
            "vertex": ("host", "namespace", "experiment"),
        }
        if self.host and not self.host.startswith(("http://", "https://")):
            raise ValueError(f"--host is {self.host!r}; it must begin with http:// or https://")
        for name in foreign[self.target]:
            if getattr(self, name):
                raise ValueError(f"--{name} is not for the target {self.target}; leave it out")


def submit(
    options: SubmitOptions, config: Config, package: Path, parameters: Mapping[str, Any]
) -> str:
    """Starts a run.

    Args:
        options: Where.
        config: The configuration that was compiled.
        package: File of the compiled pipeline.
        parameters: What logs and destinations are like.

    Returns:
        Where the run is found.

    Raises:
        RuntimeError: The API cannot be reached, or refuses the run.
        ModuleNotFoundError: The target's client is not installed.
    """
    start = _to_vertex if options.target == "vertex" else _to_kubeflow
    try:
        return start(options, config, package, dict(parameters))
    except ModuleNotFoundError as error:
        raise explained(error, "lifelong submit") from error
    except Exception as error:  # the clients raise what their own libraries do
        where = options.host or options.target
        raise RuntimeError(f"{where} did not take the run: {error}") from error


def _to_kubeflow(
    options: SubmitOptions, config: Config, package: Path, parameters: dict[str, Any]
) -> str:
    import kfp

    client = kfp.Client(
        host=options.host or None,
        namespace=options.namespace or "kubeflow",
        credentials=_of_this_pod(),
    )
    run = client.create_run_from_pipeline_package(
        str(package),
        arguments=parameters,
        run_name=f"{config.name} {datetime.datetime.now():%Y-%m-%d %H:%M}",
        experiment_name=options.experiment or config.name,
        namespace=options.namespace or None,
        pipeline_root=config.pipeline_root,
        service_account=options.service_account or None,
    )
    if not run.run_id:
        raise RuntimeError("it answers, but not as Kubeflow Pipelines does; check --host")
    return f"{options.host.rstrip('/')}/#/runs/details/{run.run_id}" if options.host else run.run_id


def _of_this_pod() -> Any:
    """Returns the token that a pod tells Kubeflow with who it is; None where none is mounted."""
    from kfp import client

    path = os.environ.get(client.KF_PIPELINES_SA_TOKEN_ENV) or client.KF_PIPELINES_SA_TOKEN_PATH
    # Kubeflow's client looks for it by itself only where it is told no host.
    return client.ServiceAccountTokenVolumeCredentials(path) if Path(path).exists() else None


def _to_vertex(
    options: SubmitOptions, config: Config, package: Path, parameters: dict[str, Any]
) -> str:
    from google.cloud import aiplatform

    job = aiplatform.PipelineJob(
        display_name=config.name,
        template_path=str(package),
        pipeline_root=config.pipeline_root,
        parameter_values=parameters,
        project=options.project,
        location=options.region,
    )
    job.submit(service_account=options.service_account or None)
    return job.resource_name
