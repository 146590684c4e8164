import pytest

from lifelong.data.logs.text_lines import end_of_lines
from lifelong.serving.follower.chunk import opening_of


@pytest.mark.parametrize("data", [b"a,b", b"a,b\n1,2\n", b"a,b\r\n1,2\r\n"])
def test_opening(data):
    assert opening_of(data, end_of_lines) == b"a,b"
