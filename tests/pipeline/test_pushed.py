import pytest

from lifelong.pipeline.pushed import PushedOptions, open_pushed
from lifelong.serving.credentials import ClientSecurity


def test_security_is_that_of_a_server_that_is_named(tmp_path):
    options = PushedOptions(workdir=str(tmp_path), security=ClientSecurity(tls=True))
    with pytest.raises(ValueError, match="name a --server"), open_pushed(options):
        pass


def test_a_folder_without_a_run_is_told(tmp_path):
    options = PushedOptions(workdir=str(tmp_path))
    with pytest.raises(FileNotFoundError, match="lifelong run"), open_pushed(options):
        pass
