import asyncio

import grpc
import numpy as np
import pytest

from lifelong.serving import AsyncPredictionClient, ClientSecurity, PredictionClient
from lifelong.serving.prediction import PredictionError
from lifelong.serving.server.server import ModelServer

X = {"x": np.float32([4])}


@pytest.fixture(scope="module")
def guarded(half_plus, push, pair, tmp_path_factory):
    """A server that wants TLS, a client's certificate and a token."""
    key, certificate = map(str, pair)
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "token").write_text("secret\n")
    push(half_plus[2], folder / "two", 1)
    options = {
        "tls_certificate": certificate,
        "tls_key": key,
        "tls_client_ca": certificate,
        "token_file": str(folder / "token"),
    }
    base = str(folder / "two")
    with ModelServer.of_model("two", base, poll_interval_s=0, **options) as running:
        yield (
            running.address,
            ClientSecurity(
                tls=True,
                tls_ca=certificate,
                tls_certificate=certificate,
                tls_key=key,
                token_file=str(folder / "token"),
            ),
        )


def test_the_servers_options_are_answered(guarded):
    address, security = guarded
    with PredictionClient(address, "two", security=security) as client:
        assert client.predict(X)["y"].tolist() == [4.0]
        assert client.metadata().version == 1
        assert client.wait_until_available(5) == 1

    async def ask():
        async with AsyncPredictionClient(address, "two", security=security) as client:
            return (await client.call(X)).outputs["y"].tolist()

    assert asyncio.run(ask()) == [4.0]


def refusal(address, security):
    with (
        PredictionClient(address, "two", timeout_s=3, attempts=1, security=security) as client,
        pytest.raises(PredictionError) as caught,
    ):
        client.predict(X)
    return caught.value.code


def test_what_the_server_does_not_know_is_refused(guarded, tmp_path):
    address, security = guarded
    (tmp_path / "token").write_text("guessed")
    same = {"tls": True, "tls_ca": security.tls_ca, "token_file": security.token_file}
    wrong_token = {**vars(security), "token_file": str(tmp_path / "token")}
    assert refusal(address, ClientSecurity(**wrong_token)) is grpc.StatusCode.UNAUTHENTICATED
    no_token = {**vars(security), "token_file": ""}
    assert refusal(address, ClientSecurity(**no_token)) is grpc.StatusCode.UNAUTHENTICATED
    # Without a certificate of its own, with other authorities, without TLS.
    for other in (ClientSecurity(**same), ClientSecurity(**{**same, "tls_ca": ""}), None):
        assert refusal(address, other) is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"tls": True, "tls_key": "key.pem"}, "tls_certificate and tls_key belong together"),
        ({"tls_ca": "ca.pem"}, "tls_ca is set, but tls is false"),
        ({"tls_certificate": "a", "tls_key": "b"}, "tls_certificate is set, but tls is false"),
    ],
)
def test_what_does_not_fit_together_is_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        ClientSecurity(**fields)


def test_a_token_does_not_travel_in_the_open(tmp_path):
    (tmp_path / "token").write_text("secret")
    security = ClientSecurity(token_file=str(tmp_path / "token"))
    for address in ("shop.example:8500", "10.0.0.7:8500", "127.0.0.1.example:8500"):
        with pytest.raises(ValueError, match=f"everyone between here and {address} could read"):
            PredictionClient(address, security=security)
    for address in ("127.0.0.1:8500", "localhost:8500", "[::1]:8500", "unix:/run/shop"):
        assert security.call_metadata(address) == (("authorization", "Bearer secret"),)


def test_files_that_are_not_there_are_named(tmp_path):
    with pytest.raises(OSError, match="nowhere"):
        PredictionClient("shop:1", security=ClientSecurity(tls=True, tls_ca="/nowhere"))
    with pytest.raises(OSError, match="nowhere"):
        PredictionClient("localhost:1", security=ClientSecurity(token_file="/nowhere"))
