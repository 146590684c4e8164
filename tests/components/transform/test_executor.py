import json

from tfx.components.transform import executor as stock
from tfx.types import standard_artifacts

from lifelong.components.transform.executor import Executor
from lifelong_artifacts import Vocabularies


def test_the_function_is_told_where_the_vocabularies_are(monkeypatch):
    """TFX's own executor gets its inputs alone, and the folder in what it hands to the function."""
    given = []
    monkeypatch.setattr(stock.Executor, "Do", lambda self, *arguments: given.append(arguments))
    vocabularies = Vocabularies()
    vocabularies.uri = "gs://bucket/vocabularies"
    examples = [standard_artifacts.Examples()]
    Executor().Do(
        {"examples": examples, "vocabularies": [vocabularies]},
        {},
        {"custom_config": json.dumps({"features": []}), "disable_statistics": 1},
    )
    [(inputs, _, properties)] = given
    assert inputs == {"examples": examples}
    assert json.loads(properties["custom_config"]) == {
        "features": [],
        "vocabularies": "gs://bucket/vocabularies",
    }
    assert properties["disable_statistics"] == 1
