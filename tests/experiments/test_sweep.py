import csv
import shutil

import pytest
from PIL import Image

from lifelong.experiments import sweep as sweep_module
from lifelong.experiments.network_trial import NetworkTrial
from lifelong.experiments.sweep import find_trained
from lifelong.experiments.sweep_report import write_sweep
from lifelong.experiments.trial import TrialResult
from lifelong.models.ctr_model import CTRModel
from lifelong.models.trained import build, save_trained
from lifelong.pipeline.config import Workdir
from lifelong.pipeline.run_record import RunRecord
from tests.experiments.fake_trials import measured
from tests.sample_models import small_spec


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Folder of a model artifact with an untrained small `eta` in it."""
    folder = tmp_path_factory.mktemp("model")
    model = CTRModel(small_spec("eta"))
    build(model)
    save_trained(model, str(folder / "trained"))
    return folder


@pytest.fixture
def last_run(monkeypatch, trained, data):
    """Sets the outputs of the last run that has a Trainer."""

    def set_outputs(**changes):
        outputs = {
            ("Transform", "transform_graph"): data.transform_graph,
            ("Trainer", "model"): str(trained),
        }
        outputs |= {tuple(key.split("__")): value for key, value in changes.items()}
        record = RunRecord(executed=(), cached=(), outputs=outputs, properties={})
        monkeypatch.setattr(sweep_module, "read_last_run", lambda path, having: record)

    return set_outputs


@pytest.fixture
def find(data, variant, tmp_path):
    def find(name="eta"):
        trial = NetworkTrial(variant(name), seed=3)
        return find_trained(trial, data, Workdir(tmp_path / "work"), tmp_path / "compare")

    return find


def test_the_last_runs_model_is_used_if_it_is_the_same_architecture_on_the_same_records(
    last_run, find, trained
):
    last_run()
    assert find() == trained / "trained"
    assert find("eta+heads=1") is None
    last_run(Transform__transform_graph="another")
    assert find() is None


def test_without_one_a_comparisons_model_is_used(finished, find, tmp_path):
    assert find() is None
    folder = tmp_path / "compare" / "trials" / finished.trial.slug
    shutil.copytree(finished.folder, folder)
    assert find() == folder / "trained"
    assert find("eta+training.epochs=1") is None


def point(bits, events, auc, retrained=False):
    settings = {"model": {"signature_bits": bits, "searched_events": events}}
    if retrained:
        settings["training"] = {}
    return TrialResult("x", 17, "f", settings, measured(auc, ranking_ms=2.5))


def test_table_and_plot(trained, tmp_path):
    results = [
        point(32, 16, 0.7),
        point(32, 48, 0.72),
        point(128, 16, 0.74),
        point(128, 48, 0.75),
        point(32, 16, 0.71, retrained=True),
    ]
    write_sweep(results, trained / "trained", tmp_path)
    with (tmp_path / "sweep.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [tuple(row[key] for key in ("bits", "events", "how", "auc")) for row in rows] == [
        ("32", "16", "re-hashed", "0.7"),
        ("32", "48", "re-hashed", "0.72"),
        ("128", "16", "re-hashed", "0.74"),
        ("128", "48", "re-hashed", "0.75"),
        ("32", "16", "retrained", "0.71"),
    ]
    assert [row["row_bytes"] for row in rows] == ["8", "8", "16", "16", "8"]
    assert rows[0]["ranking_ms"] == "2.5"
    assert rows[0]["validation_auc"] == "0.7"
    text = (tmp_path / "sweep.md").read_text()
    assert "trained with M = 64 and K = 3, L = 8." in text
    assert sum(line.startswith("| ") for line in text.splitlines()) == 1 + len(results)
    (retrained,) = (line.split("|") for line in text.splitlines() if "| retrained |" in line)
    assert [cell.strip() for cell in retrained[4:6]] == ["0.7000", "0.7100"]
    with Image.open(tmp_path / "sweep.png") as image:
        assert image.format == "PNG"
        assert image.width > 900
        assert image.height > 300
