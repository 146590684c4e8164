"""The README is short, and its layer example works as it stands."""

from tests.markdown_pages import README, ROOT, blocks_of

MOST_BYTES = 10_000


def test_it_is_short():
    assert len(README.read_bytes()) <= MOST_BYTES


def test_the_layer_example_finds_and_attends():
    names = {}
    (example,) = (it for it in blocks_of(README, "python") if "ExactSearchUnit" in it.text)
    exec(example.text, names)
    assert names["found"].position.shape == (2, 3, 8)
    assert names["interest"].shape == (2, 3, 128)


def test_its_picture_is_text():
    """An SVG that was written by hand, with a style for dark pages."""
    picture = (ROOT / "docs" / "pictures" / "pipeline.svg").read_text()
    assert "docs/pictures/pipeline.svg" in README.read_text()
    assert "prefers-color-scheme: dark" in picture
    assert "<title" in picture
