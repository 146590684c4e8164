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


SUFFIXES = {"csv": (".csv", ".tsv"), "jsonl": (".jsonl",)}
BESIDE_DATA = (
    "_SUCCESS",
    "_metadata",
    ".part-0.csv.crc",
    "x.csv.crc",
    "_temporary/0/part-9.csv",
    ".hidden/part-9.csv",
    "README.md",
)


def fill(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


@pytest.mark.parametrize("scheme", ["", "file://"])
@pytest.mark.parametrize("end", ["", "/", "/*", "/d*"])
def test_a_folder_stands_for_the_data_below_it(tmp_path, scheme, end):
    parts = ("day=1/a.csv", "day=2/hour=3/b.csv.gz", "day=2/c.tsv", "day=2/_key=4/d.csv")
    fill(tmp_path, *parts, *BESIDE_DATA)
    if end == "/*":
        (tmp_path / "README.md").unlink()
        (tmp_path / "x.csv.crc").unlink()
    found = files.match([f"{scheme}{tmp_path}{end}"], "behaviors", SUFFIXES)
    assert found == sorted(f"{scheme}{tmp_path}/{part}" for part in parts)


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_wildcard_leaves_out_what_lies_beside_data(tmp_path, scheme):
    fill(tmp_path, "part-0", "_SUCCESS", "part-0.crc", "old/part-1")
    assert files.match([f"{scheme}{tmp_path}/*"], "behaviors") == [f"{scheme}{tmp_path}/part-0"]
    named = f"{scheme}{tmp_path}/_SUCCESS"
    assert files.match([named], "behaviors") == [named]


def test_a_folder_of_several_formats_or_of_none_is_refused(tmp_path):
    fill(tmp_path, "both/a.csv", "both/b.jsonl", "none/part-0")
    with pytest.raises(ValueError, match=r"behaviors\.files: .*both' has files of several formats"):
        files.match([f"{tmp_path}/both"], "behaviors", SUFFIXES)
    message = r"no file in the folder .*none' ends with \.csv, \.tsv, \.jsonl; name the files by"
    with pytest.raises(FileNotFoundError, match=message):
        files.match([f"{tmp_path}/none"], "behaviors", SUFFIXES)


def test_relative_folders_and_names_with_brackets(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fill(tmp_path, "logs/a.csv", "log[1].csv")
    for folder in ("logs", "./logs", "logs/", "../" + tmp_path.name + "/logs"):
        (found,) = files.match([folder], "behaviors", SUFFIXES)
        assert (tmp_path / found).samefile(tmp_path / "logs/a.csv")
    assert files.match(["log[1].csv"], "behaviors") == ["log[1].csv"]


@pytest.mark.parametrize(
    ("path", "columns"),
    [
        ("/x/category=12/part-0.csv", {"category": "12"}),
        ("s3://b/a%20b=c%2Fd/e=__HIVE_DEFAULT_PARTITION__/f=g.csv", {"a b": "c/d", "e": None}),
        ("/x/=1/y=/z.csv", {"y": ""}),
        ("/x/z.csv", {}),
    ],
)
def test_folders_tell_columns(path, columns):
    assert files.path_columns(path) == columns


def test_uris_may_be_encoded_or_as_they_are_on_the_disk(tmp_path):
    fill(tmp_path, "my logs/a%2Fb.csv")
    path = tmp_path / "my logs/a%2Fb.csv"
    found = [f"file://{path}"]
    for pattern in (f"file://{path}", path.as_uri(), path.as_uri()[:-4] + "*"):
        assert files.match([pattern], "behaviors") == found
    with files.open_file(found[0]) as file:
        assert file.read() == b"my logs/a%2Fb.csv"


def test_a_uri_of_an_unknown_kind_is_told_with_its_field():
    with pytest.raises(FileNotFoundError, match=r"users\.files: 'nfs://a/b' cannot be read: "):
        files.match(["nfs://a/b"], "users")


@pytest.mark.parametrize("scheme", ["", "file://"])
@pytest.mark.parametrize("pattern", ["**/*.csv", "*/**/a-3.csv", "a**.csv"])
def test_a_double_star_is_refused_with_what_to_write(folder, scheme, pattern):
    with pytest.raises(ValueError, match=r"behaviors\.files: .*\*\*.*name the folder.*") as caught:
        files.match([f"{scheme}{folder}/{pattern}"], "behaviors")
    assert f"({f'{scheme}{folder}'!r})" in str(caught.value)


def test_a_file_with_several_names_is_read_once(folder, monkeypatch):
    monkeypatch.chdir(folder)
    (folder / "link.csv").symlink_to(folder / "b.csv")
    patterns = ["b.csv", "./b.csv", ".//b.csv", "deep/../b.csv", str(folder / "b.csv"), "link.csv"]
    assert len(files.match(patterns, "behaviors")) == 1


def test_a_link_below_another_partition_is_a_file_of_its_own(tmp_path):
    fill(tmp_path, "category=1/a.csv")
    (tmp_path / "category=2").mkdir()
    (tmp_path / "category=2/a.csv").symlink_to(tmp_path / "category=1/a.csv")
    assert len(files.match([str(tmp_path)], "behaviors", SUFFIXES)) == 2
