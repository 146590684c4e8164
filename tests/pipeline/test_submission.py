from pathlib import Path

import kfp.client
import pytest

from lifelong.pipeline.cluster import read_cluster_config
from lifelong.pipeline.config import Config
from lifelong.pipeline.submission import SubmitOptions, submit


class Client:
    """Takes runs as Kubeflow's client does, and keeps what it was given."""

    def __init__(self, **given):
        Client.made_of = given

    def create_run_from_pipeline_package(self, package, **given):
        Client.started = {"package": package, **given}
        return type("Run", (), {"run_id": "7"})


@pytest.fixture
def client(monkeypatch):
    monkeypatch.setattr(kfp, "Client", Client)
    return Client


def start(**options):
    given = SubmitOptions("pipeline.yaml", host="http://kubeflow/", **options)
    return submit(given, Config(pipeline_root="gs://b/a"), Path("p.yaml"), {"running_model": "3"})


def test_a_run_is_started_in_kubeflow(client, monkeypatch):
    monkeypatch.delenv(kfp.client.KF_PIPELINES_SA_TOKEN_ENV, raising=False)
    assert start(service_account="shop") == "http://kubeflow/#/runs/details/7"
    assert client.made_of == {
        "host": "http://kubeflow/",
        "namespace": "kubeflow",
        "credentials": None,
    }
    assert client.started.pop("run_name").startswith("lifelong 20")
    assert client.started == {
        "package": "p.yaml",
        "arguments": {"running_model": "3"},
        "experiment_name": "lifelong",
        "namespace": None,
        "pipeline_root": "gs://b/a",
        "service_account": "shop",
    }


def test_a_pod_tells_who_it_is_by_its_token(client, monkeypatch, tmp_path):
    (tmp_path / "token").write_text("who I am")
    monkeypatch.setenv(kfp.client.KF_PIPELINES_SA_TOKEN_ENV, str(tmp_path / "token"))
    start()
    assert client.made_of["credentials"]._get_token() == "who I am"


def test_the_store_goes_where_the_option_says(tmp_path):
    path = tmp_path / "pipeline.yaml"
    path.write_text("data: {behaviors: {files: /a.csv}, splits: {by: user}}\n")
    options = SubmitOptions(str(path), store_destination="redis://:secret@redis:6379/0?name=shop")
    config = read_cluster_config(str(path), "lifelong submit", options.fields)
    assert config.store.destination == "redis://:secret@redis:6379/0?name=shop"
    assert read_cluster_config(str(path), fields=SubmitOptions("").fields).store.destination == ""


def test_a_host_that_answers_something_else_is_an_error(client, monkeypatch):
    """A page to log in, for example; else a schedule would be content with no run."""
    monkeypatch.setattr(
        Client,
        "create_run_from_pipeline_package",
        lambda self, package, **given: type("Run", (), {"run_id": None}),
    )
    with pytest.raises(
        RuntimeError, match=r"http://kubeflow/ did not take the run: .* check --host"
    ):
        start()
