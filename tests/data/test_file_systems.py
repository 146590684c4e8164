import re

import pytest

from lifelong.data.file_systems import check_path, check_uri, file_system, without_secrets


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_names_are_as_they_are_on_the_disk(tmp_path, scheme):
    (tmp_path / "a b%2Fc").write_text("here")
    system, inner = file_system(f"{scheme}{tmp_path}/a b%2Fc")
    assert inner == f"{tmp_path}/a b%2Fc"
    with system.open_input_stream(inner) as file:
        assert file.read() == b"here"


@pytest.mark.parametrize(
    ("path", "options", "inner"),
    [
        ("s3://bucket/a b/c", "region=eu-west-1", "bucket/a b/c"),
        ("s3://key:sec%2Fret@bucket", "endpoint_override=host:9000&scheme=http", "bucket"),
        ("gs://bucket/a/", "", "bucket/a"),
        ("file:///", "", "/"),
    ],
)
def test_what_a_uri_is_called_in_its_file_system(path, options, inner):
    assert file_system(path, options)[1] == inner


@pytest.mark.parametrize(
    "uri",
    [
        "gs://bucket/store",
        "gs://anonymous@bucket?retry_limit_seconds=5",
        "s3://bucket/a b/store",
        "s3://bucket/store?endpoint_override=minio:9000&scheme=http",
        "file:///folder/store",
        # Hadoop is not installed here.
        "hdfs://host/store",
    ],
)
def test_a_uri_that_pyarrow_knows_asks_nobody(uri):
    check_uri(uri, "source")


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("gcs3://bucket/store", "Unrecognized filesystem"),
        ("gs:///store", "bucket"),
        ("s3:///store", "bucket"),
        ("s3://bucket/store?regon=x", "regon"),
        ("file://folder/store", "hostname"),
    ],
)
def test_one_that_it_does_not_know_is_refused_with_the_fix(uri, reason):
    shown = re.escape(repr(uri.partition("?")[0]))
    expected = rf"source is {shown}, which PyArrow cannot open \(.*{reason}.*\); expected .* gs://"
    with pytest.raises(ValueError, match=expected):
        check_uri(uri, "source")


@pytest.mark.parametrize(
    ("slip", "fix"),
    [
        ("gs:/bucket/a", "gs://bucket/a"),
        ("redis:/host", "redis://host"),
        ("file:/folder", "file:///folder"),
    ],
)
def test_a_slip_of_the_pen_is_no_folder(slip, fix):
    with pytest.raises(ValueError, match=f"source is '{slip}', .* nor a URI; write {fix}$"):
        check_path(slip, "source")


@pytest.mark.parametrize("path", ["folder/a", "/folder:/a", "a:b", "C:/folder", ""])
def test_other_names_may_be_folders(path):
    check_path(path, "source")


def test_a_password_is_not_shown():
    with pytest.raises(ValueError, match="s3://bucket/store") as raised:
        check_uri("s3://key:sec ret@bucket/store", "source")
    assert "ret" not in str(raised.value).replace("store", "")
    assert without_secrets("s3://k:p@bucket/a@b?scheme=http") == "s3://bucket/a@b"
    assert without_secrets("file:///a") == "file:///a"
    assert without_secrets("folder/a") == "folder/a"
