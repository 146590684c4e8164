"""Validator and stock Pusher in a pipeline: what runs, what is cached, and what is pushed."""

import pytest
from tfx import v1 as tfx
from tfx.orchestration.metadata import sqlite_metadata_connection_config
from tfx.types import standard_artifacts

from lifelong.components.serving_validator.component import ServingValidator
from lifelong.components.serving_validator.config import ServingConfig
from lifelong.components.serving_validator.refusal import ModelRefusedError
from lifelong.pipeline.run_record import read_last_run

pytestmark = pytest.mark.slow

QUICK = {"validation_requests": 8, "latency_requests": 5, "latency_candidates": 5}
GOOD = ServingConfig(**QUICK, warmup_requests=5)
TOO_SLOW = ServingConfig(**QUICK, latency_budget_ms=1e-6)


@pytest.fixture
def run(plain, examples, at_once, tmp_path):
    """Runs both components and returns the record of the run."""

    def execute(config):
        model = tfx.dsl.Importer(plain.uri, standard_artifacts.Model).with_id("model")
        data = tfx.dsl.Importer(
            examples.uri, standard_artifacts.Examples, properties={"split_names": '["eval"]'}
        ).with_id("examples")
        validator = ServingValidator(
            model.outputs["result"],
            data.outputs["result"],
            str(tmp_path / "findings"),
            config,
            model_name="shop",
        )
        pusher = tfx.components.Pusher(
            infra_blessing=validator.outputs["blessing"],
            push_destination=tfx.proto.PushDestination(
                filesystem=tfx.proto.PushDestination.Filesystem(
                    base_directory=str(tmp_path / "pushed")
                )
            ),
        )
        tfx.orchestration.LocalDagRunner().run(
            tfx.dsl.Pipeline(
                "test",
                str(tmp_path / "root"),
                components=[model, data, validator, pusher],
                enable_cache=True,
                metadata_connection_config=sqlite_metadata_connection_config(
                    str(tmp_path / "metadata.sqlite")
                ),
            )
        )
        return read_last_run(tmp_path / "metadata.sqlite")

    return execute


def versions(tmp_path):
    return list((tmp_path / "pushed").glob("*"))


def test_a_blessing_is_cached_and_a_refusal_is_not(run, tmp_path):
    for _ in range(2):
        with pytest.raises(ModelRefusedError, match="over the budget"):
            run(TOO_SLOW)
    assert not versions(tmp_path)

    assert {"ServingValidator", "Pusher"} <= set(run(GOOD).executed)
    (version,) = versions(tmp_path)
    assert (version / "assets.extra" / "tf_serving_warmup_requests").exists()

    again = run(GOOD)
    assert {"ServingValidator", "Pusher"} <= set(again.cached)
    assert again.properties["ServingValidator", "blessing"]["warmup_requests"] == 5
    assert versions(tmp_path) == [version]
