"""Runs a compiled pipeline as Kubeflow Pipelines does: each task's own command in its own process.

What Kubeflow would fill in is filled in here, and a task is skipped where Kubeflow would skip it: where image,
command, parameters, names of input artifacts and kinds of outputs are those of a task that succeeded.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

Artifacts = dict[str, dict[str, Any]]
# Tasks that run at a time.
_AT_ONCE = 2


@dataclasses.dataclass
class Walked:
    """What became of the tasks of a run, by their names.

    Attributes:
        ran: Those that were started and succeeded.
        cached: Those whose earlier outputs were used.
        failed: Those that failed, with the end of what they said.
        outputs: The artifacts of those that have some, by name of the task and key.
    """

    ran: set[str] = dataclasses.field(default_factory=set)
    cached: set[str] = dataclasses.field(default_factory=set)
    failed: dict[str, str] = dataclasses.field(default_factory=dict)
    outputs: dict[str, Artifacts] = dataclasses.field(default_factory=dict)


class Walk:
    """Runs of one pipeline, which share a cache.

    Args:
        folder: Where tasks run, and where their outputs lie.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._cache: dict[str, Artifacts] = {}
        self._numbers = itertools.count(1)
        self._runs = itertools.count(1)

    def run(self, spec: Mapping[str, Any], parameters: Mapping[str, str]) -> Walked:
        """Runs all tasks, each after those that it depends on; a failure stops those that depend on it.

        Args:
            spec: The pipeline's specification.
            parameters: Its parameters, every one.
        """
        assert parameters.keys() == spec["root"]["inputDefinitions"]["parameters"].keys()
        waiting = dict(spec["root"]["dag"]["tasks"])
        folder = self._folder / f"run-{next(self._runs)}"
        walked = Walked()
        running: set[Future[Task]] = set()
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            while True:
                ready = [
                    name
                    for name, task in waiting.items()
                    if walked.outputs.keys() >= set(task.get("dependentTasks", []))
                ]
                for name in ready:
                    del waiting[name]
                    task = Task(spec, name, parameters, walked.outputs, folder / name)
                    if task.cache_key in self._cache:
                        walked.outputs[name] = self._cache[task.cache_key]
                        walked.cached.add(name)
                    else:
                        running.add(pool.submit(task.run))
                if not ready:
                    if not running:
                        return walked
                    done, running = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        self._note(future.result(), walked)

    def _note(self, task: Task, walked: Walked) -> None:
        if task.error:
            walked.failed[task.name] = task.error
            return
        for artifact in task.outputs.values():
            # As the metadata's identifiers.
            artifact["name"] = str(next(self._numbers))
        self._cache[task.cache_key] = walked.outputs[task.name] = task.outputs
        walked.ran.add(task.name)


class Task:
    """One task of a run: what Kubeflow would give its container, and what came of it.

    Args:
        spec: The pipeline's specification.
        name: Of the task.
        parameters: The pipeline's parameters.
        outputs: Artifacts of the tasks that it depends on, by task and key.
        folder: Where it runs, and where its outputs lie.

    Attributes:
        outputs: Its artifacts by key, once it has run.
        error: The end of what it said if it failed.
    """

    def __init__(
        self,
        spec: Mapping[str, Any],
        name: str,
        parameters: Mapping[str, str],
        outputs: Mapping[str, Artifacts],
        folder: Path,
    ) -> None:
        task = spec["root"]["dag"]["tasks"][name]
        component = spec["components"][task["componentRef"]["name"]]
        self._container = spec["deploymentSpec"]["executors"][component["executorLabel"]][
            "container"
        ]
        inputs = task.get("inputs", {})
        self._parameters = {
            key: (
                parameters[source["componentInputParameter"]]
                if "componentInputParameter" in source
                else source["runtimeValue"]["constant"]
            )
            for key, source in inputs.get("parameters", {}).items()
        }
        self._inputs = {
            key: outputs[source["taskOutputArtifact"]["producerTask"]][
                source["taskOutputArtifact"]["outputArtifactKey"]
            ]
            for key, source in inputs.get("artifacts", {}).items()
        }
        self._kinds = {
            key: artifact["artifactType"]
            for key, artifact in component.get("outputDefinitions", {}).get("artifacts", {}).items()
        }
        assert task["cachingOptions"]["enableCache"], name
        self._folder = folder
        self.name = name
        self.outputs: Artifacts = {}
        self.error = ""

    @property
    def cache_key(self) -> str:
        """What Kubeflow compares."""
        told = {
            "image": self._container["image"],
            "command": [*self._container["command"], *self._container["args"]],
            "parameters": self._parameters,
            "inputs": {key: artifact["name"] for key, artifact in self._inputs.items()},
            "outputs": self._kinds,
        }
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()

    @property
    def command(self) -> list[str]:
        """The container's command, with all that Kubeflow fills in."""
        given = {
            "inputs": {
                "parameterValues": self._parameters,
                "artifacts": {key: {"artifacts": [it]} for key, it in self._inputs.items()},
            },
            "outputs": {
                "artifacts": {
                    key: {"artifacts": [{"uri": str(self._folder / key), "type": kind}]}
                    for key, kind in self._kinds.items()
                },
                "outputFile": str(self._output_file),
            },
        }
        words = [*self._container["command"], *self._container["args"]]
        return [word.replace("{{$}}", json.dumps(given)) for word in words]

    @property
    def _output_file(self) -> Path:
        return self._folder / "executor_output.json"

    def run(self) -> Task:
        """Runs the command."""
        self._folder.mkdir(parents=True)
        done = subprocess.run(
            self.command,
            cwd=self._folder,
            env=_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            self.error = done.stderr[-4000:]
            return self
        written = json.loads(self._output_file.read_text())["artifacts"]
        for key, kind in self._kinds.items():
            (artifact,) = written[key]["artifacts"]
            self.outputs[key] = {**artifact, "type": kind}
        return self


def _environment() -> dict[str, str]:
    """Returns what a container has that nobody has prepared, but for its PATH."""
    inherited = {name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**inherited, "PATH": path, "TF_CPP_MIN_LOG_LEVEL": "3"}
