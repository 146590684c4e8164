import pytest
from tfx.types import artifact_utils, standard_artifacts
from tfx.utils import io_utils

from lifelong.components.curated_schema.component import CuratedSchema
from lifelong.components.curated_schema.executor import Executor
from lifelong.components.curated_schema.schema import make_schema
from lifelong.data.features import Feature

FEATURES = (Feature("price", "candidate", "numeric"), Feature("device", "request"))


@pytest.mark.parametrize("features", [(), FEATURES])
def test_the_schema_of_the_features_is_written_as_tfx_reads_it(features, tmp_path):
    component = CuratedSchema(features)
    schema = standard_artifacts.Schema()
    schema.uri = str(tmp_path)
    Executor().Do({}, {"schema": [schema]}, component.exec_properties)
    folder = artifact_utils.get_single_uri([schema])
    assert io_utils.SchemaReader().read(io_utils.get_only_uri_in_dir(folder)) == make_schema(
        features
    )


def test_other_features_are_another_run():
    assert CuratedSchema(()).exec_properties != CuratedSchema(FEATURES).exec_properties
