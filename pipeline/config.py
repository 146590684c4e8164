"""The one place where everything that can be chosen is declared, with its default."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from lifelong.components.behavior_example_gen.config import IngestConfig
from lifelong.models.config import ModelConfig, TrainingConfig


@dataclasses.dataclass(frozen=True)
class GateConfig:
    """What a model must reach to be pushed.

    Attributes:
        auc_min: Smallest AUC on the eval split.
        auc_change_min: Smallest difference to the AUC of the latest blessed model, if there is one.
            A small negative number lets a retrained model through that is as good but for noise.
    """

    auc_min: float = 0.6
    auc_change_min: float = -0.005


@dataclasses.dataclass(frozen=True)
class Config:
    """A run of the pipeline.

    Attributes:
        data: Logs, requests, splits.
        model: Architecture.
        training: Epochs, step size, vocabulary.
        gate: What a model must reach to be pushed.
        workdir: Folder of everything that runs make: prepared data, artifacts, metadata, pushed
            models.
        name: Name of the pipeline and of the served model.
        beam_args: Options of Beam's runner, for example `--direct_num_workers=2`.
    """

    data: IngestConfig = dataclasses.field(default_factory=IngestConfig)
    model: ModelConfig = dataclasses.field(default_factory=ModelConfig)
    training: TrainingConfig = dataclasses.field(default_factory=TrainingConfig)
    gate: GateConfig = dataclasses.field(default_factory=GateConfig)
    workdir: str = "workdir"
    name: str = "lifelong"
    beam_args: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Workdir:
    """Where things lie in the folder of a run.

    Attributes:
        root: The folder.
    """

    root: Path

    @property
    def config(self) -> Path:
        """The configuration of the last run."""
        return self.root / "config.yaml"

    @property
    def lock(self) -> Path:
        """Held while a run uses the folder."""
        return self.root / "run.lock"

    @property
    def log(self) -> Path:
        """Messages of TFX and TensorFlow."""
        return self.root / "run.log"

    @property
    def data(self) -> Path:
        """Prepared public data."""
        return self.root / "data"

    @property
    def artifacts(self) -> Path:
        """Artifacts of the components, the pipeline's root."""
        return self.root / "artifacts"

    @property
    def metadata(self) -> Path:
        """ML Metadata's SQLite file."""
        return self.root / "metadata.sqlite"

    @property
    def schemas(self) -> Path:
        """Curated schemas by content."""
        return self.root / "schemas"

    @property
    def checkpoints(self) -> Path:
        """Checkpoints of trainings under way."""
        return self.root / "checkpoints"

    def serving(self, name: str) -> Path:
        """Model base path of TensorFlow Serving."""
        return self.root / "serving_model" / name
