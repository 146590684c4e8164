"""Which components run, and what each one reads of the others."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ml_metadata.proto import ConnectionConfig
from tensorflow_model_analysis.proto import config_pb2
from tfx import v1 as tfx
from tfx.dsl.components.base import base_node
from tfx.types.channel import OutputChannel

from lifelong.components.behavior_example_gen.component import BehaviorExampleGen
from lifelong.components.behavior_example_gen.config import IngestConfig
from lifelong.components.behavior_store_pusher.component import BehaviorStorePusher
from lifelong.components.behavior_tree_builder.component import BehaviorTreeBuilder
from lifelong.components.behavior_tree_builder.config import TreeConfig
from lifelong.components.curated_schema.component import CuratedSchema
from lifelong.components.day_statistics.component import DayStatisticsBuilder
from lifelong.components.day_statistics.config import DayStatisticsConfig
from lifelong.components.evaluation import extractors
from lifelong.components.evaluation.component import Evaluator
from lifelong.components.item_table.component import ItemTableBuilder
from lifelong.components.item_table.config import ItemTableConfig
from lifelong.components.local_runner import with_runner
from lifelong.components.pusher.component import Pusher
from lifelong.components.run_parameter import Parameter
from lifelong.components.running_model.component import RunningModel
from lifelong.components.serving_validator.component import ServingValidator
from lifelong.components.serving_validator.config import ServingConfig
from lifelong.components.signature_baker.component import SignatureBaker
from lifelong.components.trainer.component import Trainer
from lifelong.components.transform.component import Transform
from lifelong.components.vocabulary_builder.component import VocabularyBuilder
from lifelong.components.vocabulary_builder.config import VocabularyConfig
from lifelong.data.features import Feature
from lifelong.data.keys import EVAL, TRAIN, VALIDATION
from lifelong.models.config import ExportConfig, ModelConfig, TrainingConfig
from lifelong.pipeline.run_parameters import RunParameters
from lifelong_artifacts import Vocabularies

PREPROCESSING_FN = "lifelong.models.preprocessing.preprocessing_fn"
RUN_FN = "lifelong.models.training.run_fn"

ComponentsAfter = Callable[[Sequence[base_node.BaseNode]], Sequence[base_node.BaseNode]]


def create_pipeline(
    pipeline_name: str,
    pipeline_root: str,
    serving_folder: str,
    checkpoint_folder: str,
    findings_folder: str,
    parameters: RunParameters,
    ingest: IngestConfig,
    model: ModelConfig,
    training: TrainingConfig,
    eval_config: config_pb2.EvalConfig,
    export: ExportConfig | None = None,
    serving: ServingConfig | None = None,
    tree: TreeConfig | None = None,
    store_destination: str = "",
    store_versions: int = 2,
    beam_args: Sequence[str] = (),
    enable_cache: bool = True,
    metadata_connection_config: ConnectionConfig | None = None,
    base: BaseModel | None = None,
    preprocessing_fn: str = PREPROCESSING_FN,
    run_fn: str = RUN_FN,
    after: ComponentsAfter | None = None,
) -> tfx.dsl.Pipeline:
    """Builds the pipeline from behaviour logs to a pushed model and a pushed behaviour store.

    Args:
        pipeline_name: Name under which runs are recorded, and models are served.
        pipeline_root: Path or URI of the artifacts.
        serving_folder: Model base path of TensorFlow Serving, a path or URI; versions are pushed into it.
        checkpoint_folder: Path or URI for checkpoints of trainings under way.
        findings_folder: Path or URI for what was found of models that may not be pushed.
        parameters: What logs and destinations are like; texts, or parameters that are given later.
        ingest: Logs, requests, splits.
        model: Architecture.
        training: Epochs, step size, vocabulary.
        eval_config: Metrics, slices and the gate.
        export: How the trained model is served; by default as it was trained.
        serving: What a served model must show, and what is pushed with it; None: the defaults.
        tree: What the behaviour store holds. None: no store is built.
        store_destination: Path or URI of the store's versions, or address of a Redis server.
        store_versions: Newest versions of the store that are kept of a folder.
        beam_args: Options of Beam's runner.
        enable_cache: Whether components with unchanged inputs are skipped.
        metadata_connection_config: Where ML Metadata keeps what ran; None: where the runner does.
        base: The model that is trained on; None: a new one is trained.
        preprocessing_fn: Full name of Transform's function.
        run_fn: Full name of the Trainer's function.
        after: Given all these components, makes those that read what they made; they must be made
            before the pipeline is.

    Returns:
        The pipeline, to be given to a runner.
    """
    imported = _imported(base)
    data = _data_components(
        parameters.fingerprints,
        ingest,
        training,
        preprocessing_fn,
        imported.get("base_vocabularies"),
    )
    trainer = Trainer(
        run_fn=run_fn,
        base_model=_result_of(imported.get("base_model")),
        examples=data.transform.outputs["transformed_examples"],
        transform_graph=data.transform.outputs["transform_graph"],
        schema=data.curated_schema.outputs["schema"],
        day_statistics=data.day_statistics_builder.outputs["day_statistics"],
        train_split=TRAIN,
        eval_split=VALIDATION,
        item_table=data.item_table,
        vocabularies=data.item_table and data.vocabulary_builder.outputs["vocabularies"],
        custom_config=_json_values(
            {
                "model": dataclasses.asdict(model),
                "training": dataclasses.asdict(training),
                "features": _fields_of(ingest.all_features),
                "item_features": _fields_of(ingest.item_features),
                "checkpoint_folder": checkpoint_folder,
                "data_contract": dataclasses.asdict(ingest.contract),
            }
        ),
    )
    signature_baker = SignatureBaker(
        model=trainer.outputs["model"],
        transform_graph=data.transform.outputs["transform_graph"],
        examples=data.example_gen.outputs["examples"],
        day_statistics=data.day_statistics_builder.outputs["day_statistics"],
        split=EVAL,
        export=export,
        item_table=data.item_table,
    )
    running_model = RunningModel(serving_folder, parameters.running_model)
    evaluator = Evaluator(
        examples=data.example_gen.outputs["examples"],
        model=signature_baker.outputs["baked_model"],
        baseline_model=running_model.outputs["model"],
        example_splits=[EVAL],
        eval_config=eval_config,
        module_path=extractors.__name__,
    )
    serving_validator = ServingValidator(
        model=signature_baker.outputs["baked_model"],
        examples=data.example_gen.outputs["examples"],
        findings_folder=findings_folder,
        config=serving,
        model_name=pipeline_name,
        split=EVAL,
    )
    # Its blessing is no input: it changes with the baseline, and what is served does not.
    serving_validator.add_upstream_node(evaluator)
    pusher = Pusher(
        model_blessing=evaluator.outputs["blessing"],
        infra_blessing=serving_validator.outputs["blessing"],
        push_destination=tfx.proto.PushDestination(
            filesystem=tfx.proto.PushDestination.Filesystem(base_directory=serving_folder)
        ),
    )
    store: list[Any] = []
    if tree is not None:
        store = _store_components(tree, store_destination, store_versions, parameters, data)
    components = [
        *imported.values(),
        *data.components,
        *store,
        trainer,
        signature_baker,
        running_model,
        evaluator,
        serving_validator,
        pusher,
    ]
    return _pipeline(
        pipeline_name,
        pipeline_root,
        metadata_connection_config,
        [*components, *(after(components) if after else ())],
        beam_args,
        enable_cache,
    )


def create_data_pipeline(
    pipeline_name: str,
    pipeline_root: str,
    fingerprints: Mapping[str, Parameter],
    ingest: IngestConfig,
    training: TrainingConfig,
    beam_args: Sequence[str] = (),
    enable_cache: bool = True,
    metadata_connection_config: ConnectionConfig | None = None,
    preprocessing_fn: str = PREPROCESSING_FN,
) -> tfx.dsl.Pipeline:
    """Builds the part of the pipeline that makes the records, up to Transform.

    With the name, root and metadata of the whole pipeline, what one has run is cached for the
    other.

    Args:
        pipeline_name: Name under which runs are recorded.
        pipeline_root: Path or URI of the artifacts.
        fingerprints: What the tables are like, by name.
        ingest: Logs, requests, splits.
        training: For the counts from which on ids are known.
        beam_args: Options of Beam's runner.
        enable_cache: Whether components with unchanged inputs are skipped.
        metadata_connection_config: Where ML Metadata keeps what ran; None: where the runner does.
        preprocessing_fn: Full name of Transform's function.

    Returns:
        The pipeline, to be given to a runner.
    """
    data = _data_components(fingerprints, ingest, training, preprocessing_fn)
    return _pipeline(
        pipeline_name,
        pipeline_root,
        metadata_connection_config,
        data.components,
        beam_args,
        enable_cache,
    )


class BaseModel(NamedTuple):
    """A model that is trained on.

    Attributes:
        model: Path or URI of the Trainer's model artifact.
        vocabularies: Path or URI of the vocabularies it was trained with.
    """

    model: str
    vocabularies: str


class _DataComponents(NamedTuple):
    """What makes the records, in the order in which it runs.

    Attributes:
        item_table: Channel of the item table; None if the model reads no features of items.
    """

    item_table_builder: ItemTableBuilder | None
    day_statistics_builder: DayStatisticsBuilder
    example_gen: BehaviorExampleGen
    statistics_gen: tfx.components.StatisticsGen
    curated_schema: CuratedSchema
    example_validator: tfx.components.ExampleValidator
    vocabulary_builder: VocabularyBuilder
    transform: Transform
    item_table: OutputChannel | None

    @property
    def components(self) -> list[Any]:
        """All that are there."""
        return [part for part in self[:-1] if part is not None]


def _imported(base: BaseModel | None) -> dict[str, tfx.dsl.Importer]:
    """Returns the nodes that make artifacts of what is trained on."""
    if base is None:
        return {}
    types: dict[str, tuple[str, Any]] = {
        "base_model": (base.model, tfx.types.standard_artifacts.Model),
        "base_vocabularies": (base.vocabularies, Vocabularies),
    }
    return {
        name: tfx.dsl.Importer(source_uri=uri, artifact_type=artifact_type).with_id(name)
        for name, (uri, artifact_type) in types.items()
    }


def _result_of(imported: tfx.dsl.Importer | None) -> Any:
    return imported and imported.outputs["result"]


def _data_components(
    fingerprints: Mapping[str, Parameter],
    ingest: IngestConfig,
    training: TrainingConfig,
    preprocessing_fn: str,
    base_vocabularies: tfx.dsl.Importer | None = None,
) -> _DataComponents:
    item_config = ItemTableConfig.of(ingest)
    builder = ItemTableBuilder(item_config, fingerprints) if item_config is not None else None
    item_table = builder.outputs["item_table"] if builder and ingest.item_features else None
    day_statistics_builder = DayStatisticsBuilder(DayStatisticsConfig.of(ingest), fingerprints)
    day_statistics = day_statistics_builder.outputs["day_statistics"]
    example_gen = BehaviorExampleGen(ingest, day_statistics, fingerprints)
    statistics_gen = tfx.components.StatisticsGen(examples=example_gen.outputs["examples"])
    curated_schema = CuratedSchema(ingest.all_features)
    example_validator = tfx.components.ExampleValidator(
        statistics=statistics_gen.outputs["statistics"], schema=curated_schema.outputs["schema"]
    )
    vocabulary_builder = VocabularyBuilder(
        examples=example_gen.outputs["examples"],
        schema=curated_schema.outputs["schema"],
        config=VocabularyConfig(
            features=ingest.all_features,
            min_count=training.min_count,
            min_user_count=training.min_user_count,
            candidates_are_logged=ingest.impressions is not None,
            item_features=ingest.item_features,
        ),
        item_table=item_table,
        previous=_result_of(base_vocabularies),
    )
    transform = Transform(
        examples=example_gen.outputs["examples"],
        schema=curated_schema.outputs["schema"],
        vocabularies=vocabulary_builder.outputs["vocabularies"],
        preprocessing_fn=preprocessing_fn,
        # Evaluation and baking read raw records, as a client sends raw ids.
        splits=[TRAIN, VALIDATION],
        custom_config={"features": _fields_of(ingest.all_features)},
    )
    return _DataComponents(
        builder,
        day_statistics_builder,
        example_gen,
        statistics_gen,
        curated_schema,
        example_validator,
        vocabulary_builder,
        transform,
        item_table,
    )


def _store_components(
    tree: TreeConfig,
    destination: str,
    versions: int,
    parameters: RunParameters,
    data: _DataComponents,
) -> list[Any]:
    builder = BehaviorTreeBuilder(
        config=tree,
        day_statistics=data.day_statistics_builder.outputs["day_statistics"],
        fingerprints=parameters.fingerprints,
    )
    # Both read the behaviour log; what is wrong with it, BehaviorExampleGen tells best.
    builder.add_upstream_node(data.example_gen)
    pusher = BehaviorStorePusher(
        behavior_tree=builder.outputs["behavior_tree"],
        destination=destination,
        keep_versions=versions,
        destination_state=parameters.running_store,
    )
    return [builder, pusher]


def _fields_of(features: Sequence[Feature]) -> list[dict[str, Any]]:
    return [dataclasses.asdict(feature) for feature in features]


def _pipeline(
    name: str,
    root: str,
    metadata: ConnectionConfig | None,
    components: list[Any],
    beam_args: Sequence[str],
    enable_cache: bool,
) -> tfx.dsl.Pipeline:
    return tfx.dsl.Pipeline(
        pipeline_name=name,
        pipeline_root=root,
        components=components,
        enable_cache=enable_cache,
        metadata_connection_config=metadata,
        # Unpacked: TFX wants a list that may hold placeholders too.
        beam_pipeline_args=[*with_runner(beam_args)],
    )


def _json_values(fields: dict[str, Any]) -> dict[str, Any]:
    """Turns tuples into lists, so that what is recorded equals what is read back."""
    return {
        key: _json_values(value)
        if isinstance(value, dict)
        else list(value)
        if isinstance(value, tuple)
        else value
        for key, value in fields.items()
    }
