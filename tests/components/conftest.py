"""Runs of the whole Beam transform."""

import dataclasses
import json
import pathlib

import apache_beam as beam
import pytest
import tensorflow as tf
from apache_beam.options.pipeline_options import PipelineOptions
from tfx_bsl.coders.example_coder import ExampleToNumpyDict

from lifelong.components.behavior_example_gen.transforms import BAD, COUNTS, Ingest
from lifelong.components.local_runner import LocalRunner
from lifelong.data.keys import SPLITS
from tests.sample_statistics import write_statistics


@dataclasses.dataclass
class Result:
    """What a run of the transform gave."""

    records: dict
    counts: dict
    bad: list


def _sorted_records(folder, name):
    found = []
    for path in sorted(pathlib.Path(folder).glob(f"{name}-*")):
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            values = ExampleToNumpyDict(record)
            found.append({key: [] if v is None else v.tolist() for key, v in values.items()})
    return sorted(found, key=lambda record: (record["user"], record["events_before_record"]))


@pytest.fixture
def ingest(tmp_path_factory):
    """Runs the transform and returns records as dictionaries of lists."""

    def run(config, flags=()):
        folder = tmp_path_factory.mktemp("run")
        with beam.Pipeline(LocalRunner(), options=PipelineOptions(list(flags))) as pipeline:
            made = pipeline | Ingest(config, write_statistics(config, folder))
            for split in SPLITS:
                # Worker processes can import no function of a test: only Beam's own are used here.
                made[split] | f"write {split}" >> beam.io.WriteToTFRecord(str(folder / split))
            made[BAD] | "write bad" >> beam.io.WriteToText(str(folder / "bad"))
            (
                made[COUNTS]
                | beam.Map(json.dumps)
                | "write counts" >> beam.io.WriteToText(str(folder / "counts"))
            )
        lines = [p.read_text().splitlines() for p in sorted(folder.glob("bad-*"))]
        return Result(
            {split: _sorted_records(folder, split) for split in SPLITS},
            json.loads(next(folder.glob("counts-*")).read_text()),
            [json.loads(line) for part in lines for line in part],
        )

    return run
