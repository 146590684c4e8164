"""The whole pipeline from a behaviour log alone, as a user runs it from the command line."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tfx.utils import path_utils

from lifelong.commands.report import ReportOptions, report
from lifelong.models.reader import request_dataset
from lifelong.models.records import record_spec
from lifelong.models.vocabulary_files import read_vocabulary
from lifelong.pipeline.config import Config, Workdir
from lifelong.pipeline.run_record import read_last_run
from lifelong.serving.behavior_store import open_store
from lifelong.serving.behavior_store.verify import verify
from lifelong.serving.client import PredictionClient
from lifelong.serving.request import build_request
from lifelong.serving.server.session import LoadedModel
from lifelong.serving.server.warmup import warm_up
from tests.browser import PHONE, complaints, needs_browser, open_browser, scrolls_sideways
from tests.end_to_end import sample_logs
from tests.end_to_end.command import COMMAND, OTHER_PYTHON, lifelong, needs_other_platform
from tests.stock_tensorflow import stock_scores

pytestmark = pytest.mark.slow

# In the order in which they run.
COMPONENTS = (
    "CuratedSchema",
    "DayStatisticsBuilder",
    "RunningModel",
    "BehaviorExampleGen",
    "BehaviorTreeBuilder",
    "StatisticsGen",
    "VocabularyBuilder",
    "BehaviorStorePusher",
    "ExampleValidator",
    "Transform",
    "Trainer",
    "SignatureBaker",
    "Evaluator",
    "ServingValidator",
    "Pusher",
)
# They look each time at what is in use as long as nothing was pushed.
LOOK_AGAIN = {"RunningModel", "BehaviorStorePusher", "Evaluator", "Pusher"}


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    return Workdir(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def flags(workdir):
    """All but the working folder."""
    log = workdir.root / "log.csv"
    sample_logs.write_behavior_csv(sample_logs.make_baskets(users=40), log)
    return sample_logs.flags(
        {
            "data.behaviors.files": log,
            "data.requests.min_history": 20,
            "data.requests.negatives": 6,
            "model.long_term": "eta",
            # But where a test looks at it.
            "report.write": "false",
        },
        sample_logs.SPLITS,
        sample_logs.SMALL_MODEL,
    )


@pytest.fixture(scope="module")
def run_flags(workdir, flags):
    return [f"--workdir={workdir.root}", *flags]


@pytest.fixture(scope="module")
def first_run(workdir, run_flags):
    output = lifelong("run", *run_flags, "--report.write=true")
    return output, read_last_run(workdir.metadata)


def pushed_versions(workdir):
    return sorted(
        path.name
        for path in Path(workdir.places(Config(name="lifelong")).serving_folder).glob("[0-9]*")
    )


@pytest.mark.each_platform
def test_the_first_run_executes_everything_and_pushes(first_run, workdir):
    output, record = first_run
    assert record.executed == COMPONENTS
    assert "Blessed" in output
    assert len(pushed_versions(workdir)) == 1


@pytest.mark.each_platform
def test_the_pushed_model_is_warmed_up_with_real_requests(first_run, workdir):
    output, record = first_run
    noted = record.properties["ServingValidator", "blessing"]
    assert noted["largest_score_difference"] <= 1e-5
    assert f"{noted['warmup_requests']} warm-up requests go with the model" in output
    (version,) = pushed_versions(workdir)
    pushed = Path(workdir.places(Config(name="lifelong")).serving_folder) / version
    # data_contract; three lengths, and batches of 2, 4 and 8, of serving_default and search, with and
    # without statistics.
    assert warm_up(LoadedModel(str(pushed), 1)) == noted["warmup_requests"] == 25
    assert (pushed / "batching_params.pbtxt").exists()


@pytest.mark.each_platform
def test_the_report_tells_what_the_run_did(first_run, workdir, tmp_path):
    output, record = first_run
    assert f"report: {workdir.report}\n" in output
    assert "not in the report" not in output
    html = workdir.report.read_text()
    assert f"pushed: version {pushed_versions(workdir)[0]}" in html
    assert [path.read_text() for path in workdir.reports.glob("*.html")] == [html]
    # Of the trees there is one line for each of the model's, on the same requests.
    assert html.count(">trees</td>") == html.count(">eta</td>") > 1
    for told in ("Recall@8", "Balance of each bit", "Known items", "item: missing", "(kept)"):
        assert told in html, told
    for uri in record.outputs.values():
        assert uri in html
    # Once more, of what the run has left.
    again = tmp_path / "again.html"
    assert report(ReportOptions(workdir=str(workdir.root), output=str(again))) == 0
    assert re.sub(r"<svg.*?</svg>", "", again.read_text()) == re.sub(r"<svg.*?</svg>", "", html)


@pytest.mark.each_platform
def test_the_store_is_pushed(first_run, workdir):
    output, record = first_run
    pushed = record.properties["BehaviorStorePusher", "pushed_store"]["pushed_destination"]
    assert f"bytes per event; pushed to {pushed}" in output
    assert "behaviour store: 40 users" in output
    with open_store(workdir.places(Config()).store_destination) as store:
        assert store.size().users == 40
        assert len(store.history(3, 1000)["item"]) > 100


def test_the_bad_row_is_counted(first_run):
    output, _ = first_run
    assert "bad_rows/item: missing" in output


@pytest.mark.each_platform
def test_a_pushed_model_ranks_over_grpc(first_run, workdir):
    output = lifelong("rank", "--user", "3", "--top", "5", "--workdir", str(workdir.root))
    lines = [line for line in output.splitlines() if line.strip().startswith(("1.", "5."))]
    assert len(lines) == 2
    assert re.search(r"\d bits? apart: item", output)


def read_address(process):
    """The last word of the first line that tells where something is served."""
    for line in process.stdout:
        if found := re.search(r"(?:on|open) (\S*127\.0\.0\.1\S*)", line):
            return found[1]
    raise AssertionError(f"ended with {process.wait()}: {process.stderr.read()}")


@contextlib.contextmanager
def running(*arguments):
    """Runs a command that serves until it is interrupted; gives its address."""
    with subprocess.Popen(
        [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield read_address(process)
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0
        finally:
            process.kill()


@needs_browser
def test_who_looks_into_a_prediction_reads_the_score_that_predict_gives(
    first_run, workdir, tmp_path
):
    """On the page: opens it, chooses a user, clicks a candidate. Then the same in the terminal."""
    of_run = f"--workdir={workdir.root}"
    with running("serve", of_run, "--port=0") as server:
        address = f"--server={server}"
        with (
            running("ui", of_run, address, "--port=0") as page,
            open_browser(tmp_path, PHONE) as driver,
        ):
            driver.get(page)
            driver.find_element("css selector", "a.user").click()
            user = driver.find_element("name", "user").get_attribute("value")
            row = driver.find_elements("css selector", ".candidates tbody tr")[4]
            listed = float(row.find_elements("tag name", "td")[1].text)
            row.find_element("tag name", "a").click()
            item = driver.find_element("name", "item").get_attribute("value")
            score = float(driver.find_element("id", "predicted").text)
            assert complaints(driver) == []
            assert not scrolls_sideways(driver)
        output = lifelong("explain", f"--user={user}", f"--item={item}", of_run, address)
        assert re.search(rf"^score +{score:.4f} ", output, re.MULTILINE)
        with open_store(workdir.places(Config()).store_destination) as store:
            history = store.history(int(user), 4_000)
        request = build_request(
            user=int(user),
            history=history,
            candidates={"item": [int(item)], "category": [int(item) % sample_logs.CATEGORIES]},
            request_timestamp=int(history["timestamp"][-1]) + 1,
            max_events=4_000,
        )
        with PredictionClient(server) as client:
            (predicted,) = client.predict(request)["scores"][0]
    assert score == listed == pytest.approx(predicted, abs=5.1e-5)


@pytest.fixture(scope="module")
def eval_requests(first_run):
    """A batch of requests of the eval split."""
    _, record = first_run
    requests = request_dataset(
        [record.outputs["BehaviorExampleGen", "examples"] + "/Split-eval/*"],
        record_spec(()),
        window=70,
        batch_size=64,
    )
    return next(iter(requests))


def pushed_scores(workdir, batch, tmp_path):
    """Scores of all candidates, by stock TensorFlow, of the model that was pushed."""
    (version,) = pushed_versions(workdir)
    pushed = Path(workdir.places(Config(name="lifelong")).serving_folder) / version
    inputs = tf.saved_model.load(str(pushed)).signatures["serving_default"]
    wire = {key: batch[key].numpy() for key in inputs.structured_input_signature[1]}
    scores = stock_scores(pushed, wire, tmp_path)
    return scores[np.arange(scores.shape[1]) < wire["candidate_length"][:, np.newaxis]]


@pytest.mark.each_platform
def test_the_pushed_model_scores_as_the_one_that_was_trained(
    first_run, workdir, eval_requests, tmp_path
):
    """Stock TensorFlow on the pushed model, against the Trainer's own model, on real requests."""
    _, record = first_run
    trained = tf.saved_model.load(
        path_utils.serving_model_path(record.outputs["Trainer", "model"])
    ).signatures["serving_default"]
    wire = {key: eval_requests[key] for key in trained.structured_input_signature[1]}
    scores = pushed_scores(workdir, eval_requests, tmp_path)
    assert scores.std() > 0.01
    expected = trained(**wire)["scores"].numpy()
    valid = np.arange(expected.shape[1]) < wire["candidate_length"].numpy()[:, np.newaxis]
    np.testing.assert_allclose(scores, expected[valid], atol=1e-5)


def kill_at(component, workdir, flags):
    """Runs the pipeline, and kills it at work on a component: in the midst of training, if it is that."""
    command = [*COMMAND, "run", f"--workdir={workdir.root}", *flags]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    running = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    )
    sign = "epoch 1/" if component == "Trainer" else f"] {component} ..."
    with running:
        assert any(sign in line for line in running.stdout), component
        # Some write for seconds, the pushers for less than one.
        time.sleep(0 if component.endswith("Pusher") else 0.7)
        running.send_signal(signal.SIGKILL)


def check_that_nothing_is_half_written(workdir):
    """Looks at what others see: versions of models and of stores."""
    places = workdir.places(Config(name="lifelong"))
    for version in Path(places.serving_folder).glob("[0-9]*"):
        LoadedModel(str(version), 1)
    for store in Path(places.store_destination).glob("[0-9]*"):
        assert not verify(store).damage


def run_after_kills(components, flags, tmp_path, eval_requests, undisturbed):
    """Kills a run at each of the components, one after the other, and then lets it end."""
    workdir = Workdir(tmp_path / "killed")
    for component in components:
        kill_at(component, workdir, flags)
        check_that_nothing_is_half_written(workdir)
    output = lifelong("run", f"--workdir={workdir.root}", *flags)
    assert "\npushed: version " in output
    record = read_last_run(workdir.metadata)
    before = COMPONENTS[: COMPONENTS.index(components[-1])]
    assert set(record.cached) >= {*before} - LOOK_AGAIN
    for component in {*COMPONENTS} - LOOK_AGAIN:
        for outputs in (workdir.root / "artifacts" / component).glob("[!.]*"):
            assert len(list(outputs.iterdir())) == 1, f"half of {outputs} is left"
    assert not list((workdir.root / "checkpoints").iterdir())
    scores = pushed_scores(workdir, eval_requests, tmp_path)
    expected = pushed_scores(undisturbed, eval_requests, tmp_path)
    np.testing.assert_allclose(scores, expected, atol=1e-5)
    return workdir


def test_a_run_that_is_killed_goes_on_and_pushes_the_same_model(
    first_run, flags, tmp_path, eval_requests, workdir
):
    some = ("BehaviorExampleGen", "Trainer", "SignatureBaker", "Pusher")
    run_after_kills(some, flags, tmp_path, eval_requests, workdir)


@pytest.mark.nightly
def test_a_run_may_be_killed_at_each_component(first_run, flags, tmp_path, eval_requests, workdir):
    run_after_kills(COMPONENTS, flags, tmp_path, eval_requests, workdir)


def test_the_third_run_executes_nothing(first_run, workdir, run_flags):
    before = pushed_versions(workdir)
    output = lifelong("run", *run_flags)
    # There is a model to compare with now, and a store.
    assert set(read_last_run(workdir.metadata).executed) == LOOK_AGAIN
    assert f"nothing is new: this model is version {before[0]}, in use" in output
    assert "executed: nothing" in lifelong("run", *run_flags)
    assert pushed_versions(workdir) == before


def test_what_is_lost_is_pushed_again(first_run, workdir, run_flags):
    places = workdir.places(Config(name="lifelong"))
    shutil.rmtree(places.serving_folder)
    shutil.rmtree(places.store_destination)
    assert "\npushed: version " in lifelong("run", *run_flags)
    assert set(read_last_run(workdir.metadata).executed) == LOOK_AGAIN
    assert len(pushed_versions(workdir)) == 1
    with open_store(places.store_destination) as store:
        assert store.size().users == 40


def test_a_refused_model_is_told_and_not_pushed(first_run, workdir, run_flags):
    before = pushed_versions(workdir)
    told = ("--report.write=true", "--report.trees=false", "--serving.latency_budget_ms=0.001")
    output = lifelong("run", *run_flags, *told, status=3)
    assert "- ServingValidator refused it: the 99th percentile of a Predict call is" in output
    assert "mend the model or change serving.latency_budget_ms" in output
    html = workdir.report.read_text()
    assert "ServingValidator refused it: the 99th percentile of a Predict call is" in html
    assert "at most 0.001 ms are allowed" in html
    assert "report.trees is false" in html
    (findings,) = (workdir.root / "findings").iterdir()
    assert str(findings) in output
    assert pushed_versions(workdir) == before


@pytest.mark.each_platform
@needs_other_platform
def test_the_other_platform_goes_on_in_the_same_folder(first_run, workdir, run_flags):
    """What it finds is cached, and the model of this one its baseline."""
    before = pushed_versions(workdir)
    output = lifelong("run", *run_flags, python=OTHER_PYTHON)
    assert set(read_last_run(workdir.metadata).executed) == LOOK_AGAIN
    assert "AUC - baseline" in output
    assert "+0.0000" in output
    assert pushed_versions(workdir) == before
    assert "apart: item" in lifelong(
        "rank", "--user=3", f"--workdir={workdir.root}", python=OTHER_PYTHON
    )


@pytest.mark.each_platform
def test_a_longer_log_trains_the_model_on_and_a_worse_one_is_not_pushed(
    first_run, workdir, run_flags
):
    """With other users, items and categories."""
    before = pushed_versions(workdir)
    vocabularies = [first_run[1].outputs["VocabularyBuilder", "vocabularies"]]
    with (workdir.root / "log.csv").open("a") as log:
        for user, when, items in sample_logs.make_baskets(users=12, seed=1):
            log.writelines(f"{user + 500},{item + 600},{item % 3 + 70},{when}\n" for item in items)
    more = ["--training.go_on=true", "--training.epochs=1", "--gate.auc_change_min=0.5"]
    output = lifelong("run", *run_flags, *more, status=3)
    record = read_last_run(workdir.metadata)
    assert {"BehaviorExampleGen", "BehaviorTreeBuilder", "Trainer"} <= set(record.executed)
    assert "[training] goes on with the model of " in output
    vocabularies.append(record.outputs["VocabularyBuilder", "vocabularies"])
    for name, new in (("user", 12), ("category", 3)):
        known = [read_vocabulary(folder, name).ids for folder in vocabularies]
        assert known[1][: len(known[0])].tolist() == known[0].tolist()
        assert len(known[1]) - len(known[0]) == new
        assert f"{new} {name}" in output
    assert "Not blessed" in output
    assert "or lower gate.auc_change_min (0.5)" in output
    assert pushed_versions(workdir) == before


def test_an_unknown_user_is_told(first_run, workdir):
    output = lifelong("rank", "--user=9999", f"--workdir={workdir.root}", status=1)
    assert "user 9999 has no event" in output
