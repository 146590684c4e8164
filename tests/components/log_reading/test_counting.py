import collections

import apache_beam as beam

from lifelong.components.local_runner import LocalRunner
from lifelong.components.log_reading.counting import (
    COUNTS,
    CountingDoFn,
    SumCounts,
    WriteCounts,
    read_counts,
)


class Double(CountingDoFn):
    """Doubles numbers and counts them."""

    def process(self, number):
        yield 2 * number
        yield self.count(collections.Counter({"numbers": 1, "sum": number}))


def test_counts_of_several_steps_are_added_up_written_and_read(tmp_path):
    pipeline = beam.Pipeline(LocalRunner())
    made = [
        pipeline
        | f"create {step}" >> beam.Create([1, 2, step])
        | f"double {step}" >> beam.ParDo(Double("test")).with_outputs(COUNTS, main="doubled")
        for step in (10, 20)
    ]
    _ = tuple(step[COUNTS] for step in made) | SumCounts() | WriteCounts(str(tmp_path))
    result = pipeline.run()
    result.wait_until_finish()
    assert read_counts(str(tmp_path)) == {"numbers": 6, "sum": 36}
    found = result.metrics().query(beam.metrics.MetricsFilter().with_namespace("test"))
    metrics = collections.Counter()
    for counter in found["counters"]:
        metrics[counter.key.metric.name] += counter.committed
    assert metrics == {"numbers": 6, "sum": 36}
