import pytest

from lifelong.data.logs import files


@pytest.fixture
def folder(tmp_path):
    for name in ("a-1.csv", "a-2.csv", "b.csv", "deep/a-3.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


@pytest.mark.parametrize("scheme", ["", "file://"])
@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        (["b.csv"], ["b.csv"]),
        (["a-*.csv"], ["a-1.csv", "a-2.csv"]),
        (["b.csv", "a-?.csv", "*.csv"], ["a-1.csv", "a-2.csv", "b.csv"]),
        (["*/a-[1-9].csv"], ["deep/a-3.csv"]),
    ],
)
def test_globs_on_the_disk_and_as_uris(folder, scheme, patterns, names):
    found = files.match([f"{scheme}{folder}/{pattern}" for pattern in patterns], "behaviors")
    assert found == [f"{scheme}{folder}/{name}" for name in names]


@pytest.mark.parametrize("scheme", ["", "file://"])
@pytest.mark.parametrize("pattern", ["none-*.csv", "none.csv", "nowhere/*.csv"])
def test_a_glob_without_a_file_is_refused(folder, scheme, pattern):
    with pytest.raises(FileNotFoundError, match=r"users\.files: no file matches .*check the path"):
        files.match([f"{scheme}{folder}/b.csv", f"{scheme}{folder}/{pattern}"], "users")


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_sizes_and_reading(folder, scheme):
    path = f"{scheme}{folder}/a-1.csv"
    assert files.file_size(path) == 7
    with files.open_file(path) as file:
        file.seek(4)
        assert file.read() == b"csv"
