"""Finds the model and version that a request's ModelSpec asks for."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterable, Mapping

from tensorflow_serving.apis import model_pb2

from lifelong.serving.server.errors import (
    invalid_argument,
    not_found,
    servable_not_found,
)
from lifelong.serving.server.session import LoadedModel
from lifelong.serving.server.versions import AVAILABLE, ModelVersions, VersionState

Labels = Mapping[str, Mapping[str, int]]
_log = logging.getLogger(__name__)


class ModelRegistry:
    """The models of a server by name. Any thread may call any method.

    Args:
        models: Versions of each model.
    """

    def __init__(self, models: Iterable[ModelVersions] = ()) -> None:
        # Held while models are loaded or changed; calls read the two mappings without it.
        self._changing = threading.Lock()
        self._configured = list(models)
        # Never changed, only replaced. Models that were removed stay, for their states.
        self._models: Mapping[str, ModelVersions] = {it.name: it for it in self._configured}
        self._labels: Labels = {}

    def configure(self, models: Iterable[ModelVersions], labels: Labels) -> None:
        """Replaces the models; versions of those that are left out are retired.

        Args:
            models: Versions of each model.
            labels: Version number by label, by model.
        """
        with self._changing:
            removed = self._configured
            self._configured = list(models)
            self._models = {**self._models, **{it.name: it for it in self._configured}}
            self._labels = labels
            for versions in removed:
                if versions not in self._configured:
                    versions.close()

    def poll(self) -> None:
        """Polls every model once; where that fails, what is served is served on."""
        with self._changing:
            for versions in self._configured:
                try:
                    versions.poll()
                except Exception:
                    _log.exception(
                        "model %s: looking for versions failed; what is served is served on",
                        versions.name,
                    )

    def close(self) -> None:
        """Retires every version of every model."""
        with self._changing:
            for versions in self._configured:
                versions.close()

    def ready(self) -> bool:
        """Returns whether every model has a version that is available."""
        return all(
            any(state.state == AVAILABLE for state in versions.states())
            for versions in self._configured
        )

    def label(self, name: str, label: str) -> int | None:
        """Returns the version that a label of a model points to; none for an unknown label."""
        return self._labels.get(name, {}).get(label)

    def lease(self, spec: model_pb2.ModelSpec) -> contextlib.AbstractContextManager[LoadedModel]:
        """Holds the version that a spec asks for; see `ModelVersions.lease`.

        Args:
            spec: Model name, and a version or a label; the newest available version without.

        Returns:
            A context manager of the loaded model.

        Raises:
            ServingError: No name, an unknown label, an unknown model or version.
        """
        if not spec.name:
            raise invalid_argument("ModelSpec has no name specified.")
        version = self._version(spec)
        if spec.name not in self._models:
            raise servable_not_found(spec.name, version)
        return self._models[spec.name].lease(version)

    def states(self, spec: model_pb2.ModelSpec) -> list[VersionState]:
        """Returns the states of one or all versions of a model, newest first.

        Raises:
            ServingError: NOT_FOUND when the model or the version was never seen.
        """
        states = self._models[spec.name].states() if spec.name in self._models else []
        if spec.HasField("version"):
            version = spec.version.value
            states = [state for state in states if state.version == version]
            if not states:
                raise not_found(f"Could not find version {version} of model {spec.name}")
        if not states:
            raise not_found(f"Could not find any versions of model {spec.name}")
        return states

    def _version(self, spec: model_pb2.ModelSpec) -> int | None:
        choice = spec.WhichOneof("version_choice")
        if choice == "version":
            return spec.version.value
        if choice is None:
            return None
        version = self.label(spec.name, spec.version_label)
        if version is None:
            raise invalid_argument(f"Unrecognized servable version label: {spec.version_label}")
        return version
