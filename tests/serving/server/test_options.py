import pytest

from lifelong.commands.serve import ServeOptions
from lifelong.serving.server.options import ServerOptions


@pytest.mark.parametrize("kind", [ServerOptions, ServeOptions])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"host": ""}, "host is empty"),
        ({"port": -1}, "port is -1; give 1 to 65535"),
        ({"port": 65536}, "port is 65536"),
        ({"rest_port": -2}, "rest_port is -2"),
        ({"poll_interval_s": -0.5}, "poll_interval_s is -0.5; at least 0"),
        ({"max_load_retries": -1}, "max_load_retries is -1"),
        ({"load_retry_interval_s": -1.0}, "load_retry_interval_s is -1.0"),
        ({"threads": 0}, "threads is 0"),
    ],
)
def test_options_are_checked(kind, options, message):
    with pytest.raises(ValueError, match=message):
        kind(**options)
