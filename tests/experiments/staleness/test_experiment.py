import dataclasses
import json

import pytest

from lifelong.experiments.options import StalenessOptions
from lifelong.experiments.staleness import experiment as staleness_module
from lifelong.experiments.staleness import trial as staleness_trial
from lifelong.experiments.staleness.experiment import staleness
from lifelong.experiments.staleness.plan import make_plan
from lifelong.experiments.staleness.tables import STALE_MODELS
from lifelong.experiments.staleness.trial import StaleModelRun
from lifelong.pipeline.config import Config, Workdir
from tests.experiments.conftest import TINY_TRAINING
from tests.sample_models import SMALL


@pytest.fixture
def command(data, tmp_path, monkeypatch):
    """Runs the command on the tiny records; `models` are the ones to run."""
    monkeypatch.setattr(staleness_module, "make_data", lambda config, workdir: data)

    def run(models, **options):
        chosen = {name: STALE_MODELS[name] for name in models}
        monkeypatch.setattr(staleness_module, "STALE_MODELS", chosen)
        return staleness(
            StalenessOptions(output=str(tmp_path / "out"), epochs=1, **options),
            Config(model=SMALL, training=TINY_TRAINING),
            Workdir(tmp_path),
        )

    return run


@pytest.fixture
def make_run(variant, data, tmp_path):
    def make(epochs=1, passes=1, seed=3, weeks=2):
        return StaleModelRun(
            "eta", variant("eta"), seed, epochs, passes, make_plan(data, weeks), data, tmp_path
        )

    return make


def fingerprints(run, data):
    return [point.fingerprint(data) for point in run.points]


def test_what_decides_a_point_and_what_does_not(make_run, data):
    plain = fingerprints(make_run(), data)
    assert len(set(plain)) == 3
    for other in (make_run(epochs=2), make_run(seed=4), make_run(weeks=3)):
        assert not set(fingerprints(other, data)) & set(plain)
    # The base does not depend on the passes over later weeks.
    more = fingerprints(make_run(passes=2), data)
    assert more[0] == plain[0]
    assert not set(more[1:]) & set(plain)
    moved = dataclasses.replace(data, examples="elsewhere")
    assert not set(fingerprints(make_run(), moved)) & set(plain)


def test_points_are_named_and_timed_by_model_and_week(make_run):
    points = make_run().points
    assert [point.name for point in points] == ["eta,week=0", "eta,week=1", "eta,week=2"]
    assert points[1].kind == points[2].kind != points[0].kind
    assert points[2].slug == "eta,week=2-seed3"


def test_too_many_weeks_are_refused_before_anything_is_trained(command):
    with pytest.raises(ValueError, match="weeks is 99, but the train and validation splits have"):
        command(["eta"], weeks=99)


@pytest.mark.slow
def test_a_killed_command_goes_on_and_a_finished_one_only_reports(
    command, tmp_path, monkeypatch, capsys
):
    measure = staleness_trial.measure_searches
    measured = []

    def killed_at_the_third(scored):
        measured.append(scored)
        if len(measured) == 3:
            raise KeyboardInterrupt
        return measure(scored)

    monkeypatch.setattr(staleness_trial, "measure_searches", killed_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        command(["eta"], weeks=2)
    assert capsys.readouterr().out.count("[training] pass") == 3

    assert command(["eta"], weeks=2) == 0
    output = capsys.readouterr().out
    assert output.count("finished before") == 2
    # The weights of the week were there; only its measuring was not.
    assert "[training] pass" not in output
    assert len(measured) == 4

    monkeypatch.setattr(StaleModelRun, "measure", None)
    assert command(["eta"], weeks=2) == 0
    output = capsys.readouterr().out
    assert output.count("finished before") == 3
    assert "written, with plots, to" in output


@pytest.mark.slow
def test_both_models_from_records_to_report(command, tmp_path):
    assert command(["sim_soft", "eta"], weeks=1) == 0
    for name in ("staleness.md", "staleness.csv", "staleness.png"):
        assert (tmp_path / "out" / name).exists()
    for model in STALE_MODELS:
        base, week = (
            json.loads((tmp_path / f"out/trials/{model},week={n}-seed17/result.json").read_text())
            for n in (0, 1)
        )
        # Everything that eval asks for was known, or is counted as unknown to the index.
        for row in base["measured"]["searches"]:
            if not base["measured"]["new_candidates"] + base["measured"]["new_events"]:
                assert row["recall"] == 1
                assert row["auc_change"] == 0
        assert week["measured"]["searches"][1]["recall"] < 1
        assert week["measured"]["candidates"] == base["measured"]["candidates"] > 0
