"""Every notebook, run with little data; what it finds is looked at, not only that it runs."""

import pytest
from nbclient.exceptions import CellExecutionError

from tests.notebooks.executed import execute

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    monkeypatch.setenv("LIFELONG_NOTEBOOK_SHORT", "1")


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    """Where the first notebook puts its run, which the last one serves."""
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def pipeline(run_folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIFELONG_NOTEBOOK_SHORT", "1")
        return execute(
            "1_pipeline_step_by_step",
            run_folder,
            """{
                "blessed": report.blessed,
                "auc": report.rows[0].auc,
                "curve": curves.groupby("requests")["AUC"].size().to_dict(),
                "anomalies": len(found),
                "versions": len(versions),
                "store": [size.users, size.events],
                "purchases": len(chosen),
                "again": run("Transform")["transformed_examples"].uri == transformed.uri,
            }""",
        )


def test_the_pipeline_step_by_step(pipeline):
    assert pipeline["blessed"]
    assert 0.6 < pipeline["auc"] < 1
    assert pipeline["curve"] == {"train": 2, "validation": 2}
    assert pipeline["anomalies"] == 0
    assert pipeline["versions"] == 1
    assert pipeline["store"] == [40, pipeline["purchases"]]
    # A step whose inputs are the same is not run again.
    assert pipeline["again"]


def test_serving(pipeline, run_folder):
    told = execute(
        "4_serving",
        run_folder,
        """{
            "difference": difference,
            "scores": [item.score for item in ranked.items],
            "evidence": [len(item.evidence) for item in ranked.items],
            "history": [ranked.history_length, len(history["item"])],
            "refusals": refusals,
            "stranger": [stranger.history_length, len(stranger.items)],
            "state": state["model_version_status"][0]["state"],
            "metrics": metrics,
        }""",
    )
    assert told["difference"] < 1e-6
    assert len(told["scores"]) == 5
    assert told["scores"] == sorted(told["scores"], reverse=True)
    assert min(told["evidence"]) > 0
    assert told["history"][0] == told["history"][1] > 100
    assert "divide by 1,000" in told["refusals"]["milliseconds"]
    assert "INVALID_ARGUMENT" in told["refusals"]["no candidates"]
    assert "NOT_FOUND" in told["refusals"]["a model that is not there"]
    assert told["refusals"]["over REST"].startswith("(400, ")
    assert told["stranger"] == [0, 4]
    assert told["state"] == "AVAILABLE"
    assert 'request_count{model_name="another",status="NOT_FOUND"} 1' in told["metrics"]


def test_the_layers_alone(tmp_path, monkeypatch):
    monkeypatch.delenv("TF_USE_LEGACY_KERAS")
    told = execute(
        "2_layers_in_your_own_model",
        tmp_path,
        """{
            "auc": auc,
            "of_group": {name: float(share) for name, share in shares.items()},
            "difference": float(difference),
            "loaded": sorted(
                {"tfx", "apache_beam", "tensorflow_transform", "tf_keras", "sklearn", "lmdb"}
                & set(__import__("sys").modules)
            ),
        }""",
    )
    assert told["auc"]["with the long part"] > told["auc"]["without"] + 0.2
    of_group = told["of_group"]
    assert of_group["found after training"] > 1.3 * of_group["found before training"]
    assert of_group["found before training"] > of_group["all events"]
    assert told["difference"] < 1e-6
    assert told["loaded"] == []


def test_legacy_keras_is_refused_in_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", "1")
    with pytest.raises(CellExecutionError, match="start it without that variable"):
        execute("2_layers_in_your_own_model", tmp_path, "None")


def test_sim_against_eta(tmp_path):
    told = execute(
        "3_sim_against_eta",
        tmp_path,
        """{
            "figures": figures.reset_index().to_dict("records"),
            "recalls": recalls.to_dict("records"),
            "same_category": found.groupby("model")["same category"].mean().to_dict(),
            "same_item": found.groupby("model")["same item"].mean().to_dict(),
        }""",
    )
    assert [row["model"] for row in told["figures"]] == ["none", "sim_hard", "sim_soft", "eta"]
    for row in told["figures"]:
        assert 0.6 < row["AUC"] < 1
        assert 0.6 < row["GAUC"] < 1
        assert row["ranking ms"] > 0
    recalls = {(row["bits"], row["against"]): row["recall"] for row in told["recalls"]}
    assert all(0 < recall <= 1 for recall in recalls.values())
    assert recalls[256, "cosine"] > recalls[32, "cosine"]
    assert told["same_category"]["sim_hard"] == 1
    assert told["same_category"]["eta"] < 1
    assert all(0 < share < 1 for share in told["same_item"].values())
