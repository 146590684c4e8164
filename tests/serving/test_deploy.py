"""The deployment files, as far as they can be checked without docker and Kubernetes."""

import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from lifelong.pipeline.config import Config, Workdir
from lifelong.serving.client import PredictionClient
from lifelong.serving.server.metrics import PATH
from lifelong.serving.server.model_config import read_config_file
from lifelong.serving.server.options import ServerOptions
from lifelong.serving.server.server import ModelServer
from tests.batching_parameters import read_batching_parameters

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "serving" / "deploy"
PLATFORMS = (ROOT / "docs" / "platforms.md").read_text()

# Flags of tensorflow_model_server, from tensorflow_serving/model_servers/main.cc.
KNOWN_FLAGS = frozenset(
    re.findall(
        r"\w+",
        """
    port grpc_socket_path rest_api_port rest_api_num_threads rest_api_timeout_in_ms
    rest_api_enable_cors_support enable_batching allow_version_labels_for_unavailable_models
    batching_parameters_file enable_per_model_batching_parameters model_config_file
    model_config_file_poll_wait_seconds model_name model_base_path num_load_threads
    num_unload_threads max_num_load_retries load_retry_interval_micros
    file_system_poll_wait_seconds flush_filesystem_caches tensorflow_session_parallelism
    tensorflow_session_config_file tensorflow_intra_op_parallelism tensorflow_inter_op_parallelism
    use_alts_credentials ssl_config_file platform_config_file per_process_gpu_memory_fraction
    saved_model_tags grpc_channel_arguments grpc_max_threads enable_model_warmup
    num_request_iterations_for_warmup version monitoring_config_file
    remove_unused_fields_from_bundle_metagraph prefer_tflite_model num_tflite_pools
    num_tflite_interpreters_per_pool enable_signature_method_name_check
    xla_cpu_compilation_enabled xla_gpu_compilation_enabled enable_profiler
    thread_pool_factory_config_file mixed_precision skip_initialize_tpu
    enable_grpc_healthcheck_service enable_serialization_as_tensor_content
    """,
    )
)


def read_yaml(name):
    return yaml.safe_load((DEPLOY / name).read_text())


@pytest.fixture(scope="module")
def service():
    return read_yaml("docker-compose.yaml")["services"]["model-server"]


@pytest.fixture(scope="module")
def deployment():
    return read_yaml("kubernetes/deployment.yaml")


@pytest.fixture(scope="module")
def container(deployment):
    (only,) = deployment["spec"]["template"]["spec"]["containers"]
    return only


def flags(arguments):
    pairs = [re.fullmatch(r"--(\w+)=(.+)", argument).groups() for argument in arguments]
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def in_comments(name):
    return re.findall(r"--([a-z_]+)", (DEPLOY / name).read_text())


def test_every_flag_is_one_of_the_server(service, container):
    for arguments in (service["command"], container["args"]):
        assert flags(arguments).keys() <= KNOWN_FLAGS


@pytest.mark.parametrize(
    "name",
    [
        "docker-compose.yaml",
        "kubernetes/deployment.yaml",
        "models.config",
        "batching.config",
        "monitoring.config",
    ],
)
def test_every_flag_that_a_comment_names_is_one_of_the_server(name):
    assert set(in_comments(name)) <= KNOWN_FLAGS


def test_every_flag_that_the_page_names_is_one_of_the_server():
    text = (DEPLOY / "README.md").read_text()
    assert set(re.findall(r"`--([a-z_]+)", text)) <= KNOWN_FLAGS


def test_both_deployments_serve_alike(service, container):
    composed, deployed = flags(service["command"]), flags(container["args"])
    assert composed.items() <= deployed.items()
    assert deployed.keys() - composed.keys() == {"grpc_channel_arguments"}
    assert service["image"] == container["image"]


def test_the_page_tells_what_the_image_serves(service):
    """One row a server: what both platforms export is served by the image that is deployed."""
    rows = re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \|$", PLATFORMS, re.MULTILINE)
    (answers,) = [others for name, *others in rows if f"`{service['image']}`" in name]
    assert all(answer.startswith("yes") for answer in answers)


def test_the_page_tells_what_the_lists_pin():
    rows = re.findall(r"^\| (.+?) \| (.+? \| .+?) \|$", PLATFORMS, re.MULTILINE)
    packages = {"Beam": "apache-beam", "Keras 3": "keras", "redis-py": "redis"}
    for column in (0, 1):
        cells = {name: others.split(" | ")[column] for name, others in rows}
        (path,) = re.findall(r"`(constraints/\S+)`", cells.pop("Pinned in"))
        pinned = dict(re.findall(r"^([\w-]+)==(\S+)", (ROOT / path).read_text(), re.MULTILINE))
        told = [(names, cell) for names, cell in cells.items() if names.startswith(("TFX", "Beam"))]
        assert len(told) == 2
        for names, cell in told:
            for name, version in zip(names.split(", "), cell.split(", "), strict=True):
                exact = pinned[packages.get(name, name.lower())]
                assert f"{exact}.".startswith(f"{version}."), (path, name, exact)


def test_compose_mounts_every_file_that_a_flag_names(service):
    targets = {volume.split(":")[-2]: volume for volume in service["volumes"]}
    assert len(targets) == len(service["volumes"])
    for path in flags(service["command"]).values():
        if path.startswith("/"):
            assert targets[path] == f"./{Path(path).name}:{path}:ro"
            assert (DEPLOY / Path(path).name).is_file()
    (model,) = [volume for target, volume in targets.items() if target.startswith("/models/")]
    pushed = Path(Workdir(Path("workdir")).places(Config(name="lifelong")).serving_folder)
    assert model == f"${{MODEL_DIR:-../../{pushed}}}:/models/lifelong:ro"


def test_compose_is_reached_from_this_machine_alone(service):
    assert service["ports"] == ["127.0.0.1:8500:8500", "127.0.0.1:8501:8501"]
    assert service["healthcheck"]["test"][:3] == ["CMD", "bash", "-c"]
    limits = service["deploy"]["resources"]["limits"]
    assert limits["cpus"] == flags(service["command"])["tensorflow_intra_op_parallelism"]
    assert limits["memory"] == "4G"


def test_the_pod(deployment, container):
    spec = deployment["spec"]
    template = spec["template"]
    assert (deployment["apiVersion"], deployment["kind"]) == ("apps/v1", "Deployment")
    assert spec["selector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"grpc": 8500, "rest": 8501}
    for probe in ("startupProbe", "readinessProbe"):
        assert container[probe]["httpGet"] == {"path": "/v1/models/lifelong", "port": "rest"}
    assert container["livenessProbe"]["tcpSocket"]["port"] in ports
    cores = flags(container["args"])["tensorflow_intra_op_parallelism"]
    assert container["resources"]["limits"] == {"cpu": cores, "memory": "4Gi"}
    assert container["resources"]["requests"].keys() == {"cpu", "memory"}
    annotations = template["metadata"]["annotations"]
    assert annotations["prometheus.io/port"] == str(ports["rest"])
    assert annotations["prometheus.io/path"] == PATH
    # The wait before the stop leaves time for running calls.
    wait = int(container["lifecycle"]["preStop"]["exec"]["command"][-1])
    assert template["spec"]["terminationGracePeriodSeconds"] >= wait + 30
    volumes = {volume["name"] for volume in template["spec"]["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} == volumes


def test_kubernetes_names_fit_together(deployment):
    kustomization = read_yaml("kustomization.yaml")
    documents = [read_yaml(path) for path in kustomization["resources"]]
    assert all({"apiVersion", "kind", "metadata"} <= document.keys() for document in documents)
    by_kind = {document["kind"]: document for document in documents}
    assert by_kind.keys() == {
        "Deployment",
        "Service",
        "PodDisruptionBudget",
        "PersistentVolumeClaim",
    }
    assert len(list((DEPLOY / "kubernetes").iterdir())) == len(documents)
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert by_kind["Service"]["spec"]["selector"] == labels
    assert by_kind["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    volumes = {it["name"]: it for it in deployment["spec"]["template"]["spec"]["volumes"]}
    claim = by_kind["PersistentVolumeClaim"]["metadata"]["name"]
    assert volumes["models"]["persistentVolumeClaim"]["claimName"] == claim
    (generated,) = kustomization["configMapGenerator"]
    assert volumes["config"]["configMap"]["name"] == generated["name"]
    named = flags(deployment["spec"]["template"]["spec"]["containers"][0]["args"]).values()
    files = {Path(value).name for value in named if value.startswith("/config/")}
    assert set(generated["files"]) == files
    assert all((DEPLOY / name).is_file() for name in files)


def test_models_config_names_the_mounted_folder(service, container):
    config = text_format.Parse(
        (DEPLOY / "models.config").read_text(), model_server_config_pb2.ModelServerConfig()
    )
    (model,) = config.model_config_list.config
    assert model.name == "lifelong"
    assert any(f":{model.base_path}:ro" in volume for volume in service["volumes"])
    assert model.base_path in {mount["mountPath"] for mount in container["volumeMounts"]}


def test_our_server_takes_the_same_models_config(half_plus, push, tmp_path):
    push(half_plus[2], tmp_path / "models" / "lifelong", 1)
    file = tmp_path / "models.config"
    file.write_text((DEPLOY / "models.config").read_text().replace("/models", f"{tmp_path}/models"))
    with (
        ModelServer(read_config_file(str(file)), ServerOptions(poll_interval_s=0)) as server,
        PredictionClient(server.address, "lifelong") as client,
    ):
        # y = x / 2 + 2.
        assert client.predict({"x": np.float32(2)})["y"] == 3.0


def test_models_say_themselves_how_their_requests_are_joined(service):
    given = flags(service["command"])
    assert given["enable_batching"] == "true"
    assert given["enable_per_model_batching_parameters"] == "true"
    # With that, nothing but the threads is read of the common file.
    common = read_batching_parameters(DEPLOY / "batching.config")
    assert {field.name for field, _ in common.ListFields()} == {
        "num_batch_threads",
        "thread_pool_name",
    }
    assert common.num_batch_threads.value == int(given["tensorflow_inter_op_parallelism"])


def test_monitoring_config():
    text = (DEPLOY / "monitoring.config").read_text()
    assert re.search(r"^prometheus_config \{\n  enable: true\n", text, re.MULTILINE)
    assert f'path: "{PATH}"' in text
