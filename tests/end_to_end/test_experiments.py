"""`lifelong compare` and `lifelong sweep` on a small log, as a user runs them."""

import csv

import pytest

from lifelong.pipeline.config import Workdir
from lifelong.pipeline.config_parser import make_config_parser, save_config
from lifelong.pipeline.run_record import read_last_run
from tests.end_to_end import sample_logs
from tests.end_to_end.command import lifelong

pytestmark = pytest.mark.slow

MODELS = ("none", "eta", "gbdt")


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    """A folder with the configuration of a run."""
    workdir = Workdir(tmp_path_factory.mktemp("experiments"))
    log = workdir.root / "log.csv"
    sample_logs.write_behavior_csv(sample_logs.make_baskets(users=40), log)
    parser = make_config_parser()
    parsed = parser.parse_args(
        sample_logs.flags(
            {
                "workdir": workdir.root,
                "data.behaviors.files": log,
                "data.requests.min_history": 20,
                "data.requests.negatives": 6,
            },
            sample_logs.SPLITS,
            sample_logs.SMALL_MODEL,
        )
    )
    save_config(parser, parsed, workdir.config)
    return workdir


def compare(workdir):
    return lifelong(
        "compare",
        f"--workdir={workdir.root}",
        f"--models=[{','.join(MODELS)}]",
        "--once=[]",
        "--seeds=[17]",
    )


def rows(path):
    with path.open() as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def compared(workdir):
    return compare(workdir)


def test_every_model_is_trained_measured_and_tabled(compared, workdir):
    for number, model in enumerate(MODELS, 1):
        assert f"[compare] {number}/3 {model} seed 17: validation AUC" in compared
    overall = [r for r in rows(workdir.root / "compare/compare.csv") if r["history"] == "all"]
    assert [row["model"] for row in overall] == list(MODELS)
    assert all(float(row["auc"]) > 0.6 for row in overall)
    assert all(float(row["ranking_ms"]) > 0 for row in overall)
    for name in ("auc", "auc_by_history", "cost"):
        assert (workdir.root / "compare" / f"{name}.png").stat().st_size > 5_000


def test_a_second_time_nothing_is_trained(compared, workdir):
    before = (workdir.root / "compare/compare.csv").read_text()
    output = compare(workdir)
    assert output.count("finished before") == len(MODELS)
    assert "[training]" not in output
    assert set(read_last_run(workdir.metadata).executed) == set()
    assert (workdir.root / "compare/compare.csv").read_text() == before


def test_a_sweep_hashes_the_compared_model_again(compared, workdir):
    output = lifelong(
        "sweep", f"--workdir={workdir.root}", "--bits=[16,64]", "--events=[8]", "--retrain=[16x8]"
    )
    assert f"re-hashing {workdir.root}/compare/trials/eta-seed17/trained" in output
    points = rows(workdir.root / "sweep/sweep.csv")
    assert [(row["bits"], row["events"], row["how"]) for row in points] == [
        ("16", "8", "re-hashed"),
        ("64", "8", "re-hashed"),
        ("16", "8", "retrained"),
    ]
    # With the bits and events of its training, the model is the one that was compared.
    (eta,) = [
        row
        for row in rows(workdir.root / "compare/compare.csv")
        if (row["model"], row["history"]) == ("eta", "all")
    ]
    for figure in ("auc", "gauc", "log_loss", "validation_auc"):
        assert points[1][figure] == eta[figure]
    assert points[0]["auc"] != eta["auc"]
    assert points[2]["auc"] != points[0]["auc"]
    assert (workdir.root / "sweep/sweep.png").stat().st_size > 5_000
