"""The one place where everything that can be chosen is declared, with its default."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from lifelong.components.behavior_example_gen.config import IngestConfig
from lifelong.components.behavior_tree_builder.config import TreeConfig
from lifelong.components.serving_validator.config import ServingConfig
from lifelong.data.folders import check_folder
from lifelong.models.config import ExportConfig, ModelConfig, TrainingConfig


@dataclasses.dataclass(frozen=True)
class GateConfig:
    """What a model must reach to be pushed.

    Attributes:
        auc_min: Smallest AUC on the eval split.
        auc_change_min: Smallest difference to the AUC of the model that is served, if there is one.
            A small negative number lets a retrained model through that is as good but for noise.
    """

    auc_min: float = 0.6
    auc_change_min: float = -0.005

    def __post_init__(self) -> None:
        for name, least in (("auc_min", 0), ("auc_change_min", -1)):
            value = getattr(self, name)
            if not least <= value <= 1:
                raise ValueError(f"gate.{name} is {value}; it must be between {least} and 1")


@dataclasses.dataclass(frozen=True)
class StoreConfig:
    """The behaviour store, which SIM's hard search reads when it serves.

    Attributes:
        build: Whether to build and push a store of the behaviour log.
        shards: Parts of the store; each is built by one worker, in memory.
        max_events_per_category: Most events of a user and category, the newest; 0 keeps all. What is
            dropped is not counted as evidence, either.
        max_age_days: Greatest age of an event, counted from the newest of the log; 0 keeps all.
        destination: Folder, in which each push makes a new numbered version; or an address such as
            `redis://host:6379/0?name=lifelong`; or a URI such as `gs://bucket/store` or
            `s3://bucket/store?endpoint_override=minio:9000&scheme=http`, with PyArrow's options,
            from which `lifelong fetch` brings versions to where requests are answered. A password in
            it is written to `config.yaml` and the metadata. Empty: a folder in the workdir.
        keep_versions: Newest versions that are kept of a folder or URI.
    """

    build: bool = True
    shards: int = 8
    max_events_per_category: int = 0
    max_age_days: int = 0
    destination: str = ""
    keep_versions: int = 2


@dataclasses.dataclass(frozen=True)
class ReportConfig:
    """The page that `lifelong run` writes of what it found.

    Attributes:
        write: Whether to write one after each run; `lifelong report` writes it at any time.
        trees: Whether gradient-boosted trees are trained on the same records, once for each log, to
            compare the model with them. That needs the extra `experiments`.
    """

    write: bool = True
    trees: bool = True


@dataclasses.dataclass(frozen=True)
class Config:
    """A run of the pipeline.

    Attributes:
        data: Logs, requests, splits.
        model: Architecture.
        training: Epochs, step size, vocabulary.
        export: How the trained model is served: types of its tables, compilation, calibration.
        gate: What a model must reach to be pushed.
        serving: What a served model must show to be pushed, and what is pushed with it.
        store: The behaviour store.
        report: The page about a run.
        workdir: Folder of everything that runs make: prepared data, artifacts, metadata, pushed
            models and stores.
        name: Name of the pipeline and of the served model.
        pipeline_root: Path or URI of the artifacts. Empty: a folder in the workdir.
        serving_folder: Path or URI of the model base path that models are pushed to. Empty: a folder
            in the workdir.
        checkpoint_folder: Path or URI for checkpoints of a training under way. Empty: the folder
            `checkpoints` in `pipeline_root`, or in the workdir where that is empty, too.
        beam_args: Options of Beam's runner, for example `--direct_num_workers=2`.
        image: Container image of the tasks on Kubeflow or Vertex (`make image`).
    """

    data: IngestConfig = dataclasses.field(default_factory=IngestConfig)
    model: ModelConfig = dataclasses.field(default_factory=ModelConfig)
    training: TrainingConfig = dataclasses.field(default_factory=TrainingConfig)
    export: ExportConfig = dataclasses.field(default_factory=ExportConfig)
    gate: GateConfig = dataclasses.field(default_factory=GateConfig)
    serving: ServingConfig = dataclasses.field(default_factory=ServingConfig)
    store: StoreConfig = dataclasses.field(default_factory=StoreConfig)
    report: ReportConfig = dataclasses.field(default_factory=ReportConfig)
    workdir: str = "workdir"
    name: str = "lifelong"
    pipeline_root: str = ""
    serving_folder: str = ""
    checkpoint_folder: str = ""
    beam_args: tuple[str, ...] = ()
    image: str = ""

    @property
    def tree(self) -> TreeConfig | None:
        """What the behaviour store holds; None if none is built."""
        store = self.store
        if not store.build:
            return None
        return TreeConfig.of(
            self.data, store.shards, store.max_events_per_category, store.max_age_days
        )


@dataclasses.dataclass(frozen=True)
class Places:
    """Where a run puts what it makes: paths or URIs.

    Attributes:
        pipeline_root: Folder of the artifacts.
        serving_folder: Model base path of TensorFlow Serving.
        checkpoint_folder: Folder for checkpoints of trainings under way.
        findings_folder: Folder of what was found of models that may not be pushed.
        store_destination: Folder or URI of the behaviour store's versions, or address of a server.
    """

    pipeline_root: str
    serving_folder: str
    checkpoint_folder: str
    findings_folder: str
    store_destination: str

    @classmethod
    def of(cls, config: Config, default: Path | None = None) -> Places:
        """Returns where a configuration has things put.

        Args:
            config: The configuration.
            default: Folder for what it puts nowhere; None: that is left empty.
        """
        root = config.pipeline_root.rstrip("/")
        beside = root or str(default or "")
        return cls(
            pipeline_root=root or _below(default, "artifacts"),
            serving_folder=config.serving_folder or _below(default, "serving_model", config.name),
            checkpoint_folder=config.checkpoint_folder or f"{beside}/checkpoints",
            findings_folder=f"{beside}/findings",
            store_destination=config.store.destination
            or _below(default, "behavior_store", config.name),
        )


def _below(folder: Path | None, *names: str) -> str:
    return str(folder.joinpath(*names)) if folder else ""


@dataclasses.dataclass(frozen=True)
class Workdir:
    """Where things lie in the folder of a run.

    It is a folder of this machine: the lock, the log and the metadata's SQLite file need one. What may
    lie elsewhere has fields of its own in the configuration, which are paths or URIs.

    Attributes:
        root: The folder.
    """

    root: Path

    @classmethod
    def at(cls, folder: str) -> Workdir:
        """Returns the working folder of a command.

        Args:
            folder: As it was configured.

        Raises:
            ValueError: It is a URI.
            NotADirectoryError: A file lies there, or above.
        """
        if "://" in folder:
            raise ValueError(
                f"workdir is {folder!r}; it must be a folder of this machine. Set pipeline_root, "
                "serving_folder and checkpoint_folder to URIs instead"
            )
        root = Path(folder).resolve()
        check_folder("workdir", root)
        return cls(root)

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
    def metadata(self) -> Path:
        """ML Metadata's SQLite file."""
        return self.root / "metadata.sqlite"

    @property
    def report(self) -> Path:
        """The page about the newest run."""
        return self.root / "report.html"

    @property
    def reports(self) -> Path:
        """Pages about earlier runs, and what was measured for them."""
        return self.root / "reports"

    def places(self, config: Config) -> Places:
        """Returns where a run puts things: in the folder what the configuration puts nowhere else."""
        return Places.of(config, self.root)
