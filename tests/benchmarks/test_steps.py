import dataclasses

from benchmarks.steps import eta_step_work, fresh_model
from tests.sample_models import small_spec


def test_the_work_of_a_step():
    # S = 4, L = 8, K = 3, item 8 + category 4 + time 4 values, 2 heads
    model = fresh_model(small_spec("eta"))
    work = eta_step_work(model, histories=2, impressions=10)
    # 64 bits: 8 values each, and 4 chunks to pack them into
    signature = 64 * (8 + 4)
    # Two heads of 4: events to keys, once a history; the query, its products, the weighted sums
    short_events = 2 * 4 * 16 * 8
    short_attention = 12 * 8 + 4 * (8 + 2 * 16)
    # Two heads: query to event size, scores of 3 events, their weighted sum
    exact_search = 2 * (12 * 16 + 3 * 16 + 3 * 16)
    # A cross of rank 4, a hidden layer of 16 units, the logit.
    width = model.head.hidden[0].kernel.shape[0]
    head = 2 * width * 4 + width * 16 + 16 * 1
    assert work.multiply_adds == (2 * 8 + 10) * signature + 3 * short_events + 30 * (
        short_attention + exact_search + head
    )
    forward = 2 * 8 * (8 + 64) * 4 + 10 * 8 * 2
    both_ways = 10 * (3 * 16 + 4 * 2) * 4
    assert work.bytes == 2 * forward + 4 * both_ways


def test_what_the_head_does_not_read_is_not_summed():
    reads, reads_not = (
        eta_step_work(
            fresh_model(small_spec("eta", head_reads_items=it, cross_layers=0)),
            histories=1,
            impressions=1,
        )
        for it in (True, False)
    )
    # Two heads sum 8 values less of 4 recent events and of 3 found ones, and the hidden layer reads
    # those of the candidate and of twice two heads less.
    assert reads.multiply_adds - reads_not.multiply_adds == 3 * (
        2 * 8 * (4 + 3) + 16 * 8 * (1 + 2 + 2)
    )


def test_longer_signatures_have_more_chunks():
    spec = small_spec("eta")
    longer = dataclasses.replace(spec, model=dataclasses.replace(spec.model, signature_bits=128))
    short, long = (
        eta_step_work(fresh_model(one), histories=1, impressions=1) for one in (spec, longer)
    )
    assert long.multiply_adds - short.multiply_adds == 9 * (128 * (8 + 8) - 64 * (8 + 4))
