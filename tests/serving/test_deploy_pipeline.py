"""The pipeline's deployment files, as kustomize builds them."""

import json
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path
from types import SimpleNamespace

import kfp.client
import pytest
import yaml
from kubernetes.client import ApiClient

from lifelong.commands.parser import COMMANDS
from lifelong.pipeline.cluster import cluster_places, read_cluster_config
from lifelong.pipeline.submission import SubmitOptions
from tests.serving.test_deploy import DEPLOY
from tests.test_dependencies import PROJECT
from tests.test_image import values

KUBECTL = Path(sysconfig.get_path("scripts")) / "kubectl"
PAGE = (DEPLOY / "README.md").read_text()
SERVICE = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop, labels: {lifelong-behavior-store: "true"}}
spec:
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec:
      containers:
        - name: shop
          image: shop
          volumeMounts: [{name: behavior-store, mountPath: /store, readOnly: true}]
"""


def build(folder):
    """What kustomize makes of a folder, by kind and name."""
    done = subprocess.run(
        [KUBECTL, "kustomize", folder], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    documents = list(yaml.safe_load_all(done.stdout))
    named = {(it["kind"], it["metadata"]["name"]): it for it in documents}
    assert len(named) == len(documents)
    return named


@pytest.fixture(scope="module")
def serving():
    return build(DEPLOY)


@pytest.fixture(scope="module")
def pipeline():
    return build(DEPLOY / "pipeline")


@pytest.fixture(scope="module")
def with_all(tmp_path_factory):
    """With everything that the kustomization has in comments."""
    folder = tmp_path_factory.mktemp("deploy") / "pipeline"
    shutil.copytree(DEPLOY / "pipeline", folder)
    file = folder / "kustomization.yaml"
    text, changed = re.subn(r"# (- |components)", r"\1", file.read_text())
    assert changed == 2
    file.write_text(text)
    return build(folder)


@pytest.fixture(scope="module")
def ranking(tmp_path_factory):
    """A service that has the behaviour store by the component."""
    folder = tmp_path_factory.mktemp("deploy")
    shutil.copytree(DEPLOY / "behavior-store", folder / "behavior-store")
    (folder / "service.yaml").write_text(SERVICE)
    (folder / "kustomization.yaml").write_text(
        "resources: [service.yaml]\ncomponents: [behavior-store]\n"
    )
    return build(folder)


@pytest.fixture(params=["serving", "pipeline", "with_all", "ranking"])
def documents(request):
    return request.getfixturevalue(request.param)


def pod_of(document):
    """The specification of the pods of a document; None if it has none."""
    spec = document.get("spec", {})
    spec = spec.get("jobTemplate", {}).get("spec", spec)
    return spec["template"]["spec"] if "template" in spec else None


def containers(documents):
    for document in documents.values():
        pod = pod_of(document)
        if pod:
            yield from (*pod.get("initContainers", []), *pod["containers"])


def ours(documents):
    """Containers of our image by name."""
    found = {it["name"]: it for it in containers(documents) if it.get("command") == ["lifelong"]}
    assert found
    return found


def submitting(documents):
    """The pod that submits, and its container."""
    pod = pod_of(documents["CronJob", "lifelong-submit"])
    (container,) = pod["containers"]
    return pod, container


def mounts(has):
    return {it["name"]: it["mountPath"] for it in has.get("volumeMounts", [])}


def test_fields_are_those_of_kubernetes(documents):
    client = ApiClient()
    for document in documents.values():
        if document["apiVersion"] != "kubeflow.org/v1alpha1":
            response = SimpleNamespace(data=json.dumps(document))
            known = client.deserialize(response, f"V1{document['kind']}")
            assert client.sanitize_for_serialization(known) == document


def test_pod_defaults_have_fields_of_pods(with_all):
    defaults = [document for (kind, _), document in with_all.items() if kind == "PodDefault"]
    assert len(defaults) == 2
    client = ApiClient()
    for document in defaults:
        spec = dict(document["spec"])
        assert spec.pop("desc")
        assert spec.pop("selector") == {
            "matchLabels": {"pipelines.kubeflow.org/v2_component": "true"}
        }
        volumes = spec.pop("volumes")
        assert set(mounts(spec)) == {volume["name"] for volume in volumes}
        pod = {"volumes": volumes, "containers": [{"name": "main", **spec}]}
        known = client.deserialize(SimpleNamespace(data=json.dumps(pod)), "V1PodSpec")
        assert client.sanitize_for_serialization(known) == pod


def test_every_mount_has_a_volume(documents):
    for document in documents.values():
        pod = pod_of(document)
        if pod:
            mounted = [mounts(it) for it in (*pod.get("initContainers", []), *pod["containers"])]
            assert {name for it in mounted for name in it} == {it["name"] for it in pod["volumes"]}
            for it in mounted:
                assert len(set(it.values())) == len(it)


def test_no_secret_is_committed(documents):
    assert not any(kind == "Secret" for kind, _ in documents)


@pytest.mark.parametrize("case", ["pipeline", "ranking"])
def test_containers_are_of_the_image_and_its_user(case, request):
    for container in ours(request.getfixturevalue(case)).values():
        assert container["image"] == f"registry.example.com/shop/lifelong:{PROJECT['version']}"
        assert f"make image IMAGE={container['image']}" in PAGE
        security = container["securityContext"]
        assert security["readOnlyRootFilesystem"] is True
        assert security["allowPrivilegeEscalation"] is False
        assert security["capabilities"] == {"drop": ["ALL"]}
        # The image's home and working folder.
        assert "/tmp" in mounts(container).values()
        assert container["resources"].keys() == {"requests", "limits"}


def test_pods_run_as_the_user_of_the_image(pipeline, ranking):
    (user,) = values("", "USER")
    pod, _ = submitting(pipeline)
    for security in (
        pod["securityContext"],
        *(it["securityContext"] for it in ours(ranking).values()),
    ):
        assert security["runAsNonRoot"] is True
        assert str(security["runAsUser"]) == user[0]
    assert str(pod["securityContext"]["fsGroup"]) == user[0]
    assert f"user {user[0]}" in PAGE


def test_runs_are_submitted_one_by_one(pipeline):
    spec = pipeline["CronJob", "lifelong-submit"]["spec"]
    assert spec["concurrencyPolicy"] == "Forbid"
    assert {"successfulJobsHistoryLimit", "failedJobsHistoryLimit"} <= spec.keys()
    job = spec["jobTemplate"]["spec"]
    # All tries end before the next night's.
    assert spec["startingDeadlineSeconds"] + job["activeDeadlineSeconds"] < 24 * 3600
    assert job["backoffLimit"] == 2
    assert pod_of(pipeline["CronJob", "lifelong-submit"])["restartPolicy"] == "Never"


def test_what_submits_names_what_there_is(pipeline):
    pod, container = submitting(pipeline)
    assert ("ServiceAccount", pod["serviceAccountName"]) in pipeline
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert ("ConfigMap", volumes["config"]["configMap"]["name"]) in pipeline
    config = f"--config={mounts(container)['config']}/pipeline.yaml"
    assert config in container["args"]
    (source,) = volumes["token"]["projected"]["sources"]
    token = Path(mounts(container)["token"], source["serviceAccountToken"]["path"])
    assert str(token) == kfp.client.KF_PIPELINES_SA_TOKEN_PATH


def test_the_page_creates_the_secret_that_is_read(with_all):
    (name,) = set(re.findall(r"kubectl create secret generic (\S+)", PAGE))
    literals = dict(re.findall(r"--from-literal='?(\w+)=(\S+?)'?\s", PAGE))
    pod, container = submitting(with_all)
    defaults = [
        document["spec"] for (kind, _), document in with_all.items() if kind == "PodDefault"
    ]
    read = set()
    for has in (container, *defaults):
        for variable in has.get("env", []):
            reference = variable["valueFrom"]["secretKeyRef"]
            assert reference["name"] == name
            assert reference["key"] == variable["name"]
            read.add(reference["key"])
    assert read == literals.keys()
    for has in (pod, *defaults):
        for volume in has["volumes"]:
            if "secret" in volume:
                assert volume["secret"]["secretName"] == name
                (item,) = volume["secret"]["items"]
                assert f"--from-file={item['key']}\n" in PAGE
    assert literals["GOOGLE_APPLICATION_CREDENTIALS"] == f"{mounts(container)['keys']}/key.json"


def places(volumes, has):
    """Where a container or PodDefault has volumes that outlive it, by Secret or claim."""
    found = {}
    for volume in volumes:
        path = mounts(has)[volume["name"]]
        if "secret" in volume:
            found[volume["secret"]["secretName"]] = path
        elif "persistentVolumeClaim" in volume:
            found[volume["persistentVolumeClaim"]["claimName"]] = path
    return found


def test_tasks_have_what_submits_has_where_it_has_it(with_all, serving):
    pod, container = submitting(with_all)
    submits = places(pod["volumes"], container)
    defaults = [
        document["spec"] for (kind, _), document in with_all.items() if kind == "PodDefault"
    ]
    tasks = {name: path for it in defaults for name, path in places(it["volumes"], it).items()}
    assert tasks == submits
    claims = {name for kind, name in (*with_all, *serving) if kind == "PersistentVolumeClaim"}
    assert claims == tasks.keys() - {"lifelong-pipeline"}
    # Where the model servers have it.
    (server,) = containers(serving)
    assert tasks["lifelong-models"] == mounts(server)["models"]


def test_the_configuration_is_one_of_a_cluster(pipeline):
    file = str(DEPLOY / "pipeline" / "pipeline.yaml")
    assert not read_cluster_config(file).store.destination
    stores = re.findall(r"--from-literal='?STORE_DESTINATION=(\S+?)'?\s", PAGE)
    assert len(stores) == 2
    for store in stores:
        options = SubmitOptions(file, store_destination=store)
        config = read_cluster_config(file, fields=options.fields)
        where = cluster_places(config)
        for place in (where.pipeline_root, where.serving_folder, *config.data.behaviors.patterns):
            assert place.startswith("gs://bucket/")
        assert where.store_destination == store
    assert config.image == submitting(pipeline)[1]["image"]


def test_the_store_is_fetched_from_where_it_is_pushed_to(ranking):
    first, following = ours(ranking)["fetch-store"], ours(ranking)["follow-store"]
    assert first["args"][-2:] == ["--every=0", "--keep_versions=2"]
    assert following["args"][-2:] == ["--every=300", "--keep_versions=2"]
    assert first["args"][:-2] == following["args"][:-2]
    source, destination = (text.partition("=")[2] for text in first["args"][1:3])
    assert f"--from-literal=STORE_DESTINATION={source}\n" in PAGE
    assert mounts(first)["behavior-store"] == destination == mounts(following)["behavior-store"]


@pytest.mark.parametrize("case", ["pipeline", "ranking"])
def test_commands_know_their_arguments(case, request):
    for container in ours(request.getfixturevalue(case)).values():
        name, *arguments = container["args"]
        if name not in COMMANDS:
            pytest.skip(f"there is no command {name} yet")
        config = str(DEPLOY / "pipeline" / "pipeline.yaml")
        given = [text.replace("/config/pipeline.yaml", config) for text in arguments]
        COMMANDS[name].make_parser().parse_args(given)
