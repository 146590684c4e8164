import functools
from pathlib import Path

import pytest

from lifelong.pipeline.config import Config, Workdir
from lifelong.pipeline.default_data import default_ingestion
from lifelong.pipeline.pushed import (
    KnownUser,
    NoCandidatesError,
    Pushed,
    PushedOptions,
    open_pushed,
)
from lifelong.serving.credentials import ClientSecurity


def test_security_is_that_of_a_server_that_is_named(tmp_path):
    options = PushedOptions(workdir=str(tmp_path), security=ClientSecurity(tls=True))
    with pytest.raises(ValueError, match="name a --server"), open_pushed(options):
        pass


def test_a_folder_without_a_run_is_told(tmp_path):
    options = PushedOptions(workdir=str(tmp_path))
    with pytest.raises(FileNotFoundError, match="lifelong run"), open_pushed(options):
        pass


@pytest.fixture
def of_run(tmp_path, monkeypatch):
    """Options of a folder in which a run was configured."""
    monkeypatch.setattr(
        "lifelong.pipeline.config_parser.load_config",
        lambda path: Config(data=default_ingestion(Path("/behaviors.parquet"))),
    )
    return functools.partial(PushedOptions, workdir=str(tmp_path))


def test_a_folder_into_which_no_model_was_pushed_is_told(of_run, tmp_path):
    told = f"{tmp_path}/serving_model/lifelong holds no version of a model"
    with open_pushed(of_run()) as pushed, pytest.raises(FileNotFoundError, match=told):
        _ = pushed.client
    (tmp_path / "serving_model" / "lifelong").mkdir(parents=True)
    with open_pushed(of_run()) as pushed, pytest.raises(FileNotFoundError, match=told):
        _ = pushed.client


def test_a_server_that_does_not_answer_is_named(of_run):
    told = (
        "server 127.0.0.1:1 does not answer for the model lifelong: UNAVAILABLE: .* check --server"
    )
    options = of_run(server="127.0.0.1:1")
    with open_pushed(options) as pushed, pytest.raises(ConnectionError, match=told):
        _ = pushed.client


def test_without_a_time_the_request_is_right_after_the_last_event():
    user = KnownUser(1, 5, 1_500_000_000, None)
    assert user.request_time("") == 1_500_000_001
    assert user.request_time("2017-12-31") == 1_514_678_400


@pytest.mark.parametrize("at", ["0001-01-01", "1989-12-31", "2100-01-01", "9999-12-31"])
def test_times_that_no_request_has_are_refused_by_the_name_of_the_option(at):
    with pytest.raises(ValueError, match=f"at is '{at}'; .* years 1990 to 2099"):
        KnownUser(1, 5, 1_500_000_000, None).request_time(at)


def test_a_period_without_events_has_no_candidates(write_log):
    log = write_log("log.csv", [{"user": 1, "item": 7, "category": 1, "timestamp": 1_500_000_000}])
    config = Config(data=default_ingestion(log))
    pushed = Pushed(
        config, Workdir(Path(log).parent), None, lambda: pytest.fail("no server is needed")
    )
    found = pushed.popular_items(1_500_000_001, weeks=1, most=5)
    assert found["item"].tolist() == [7]
    with pytest.raises(NoCandidatesError, match=r"no event in the 1 week before 2017-07-14"):
        pushed.popular_items(1_500_000_000, weeks=1, most=5)
