from lifelong.commands.outcome import describe_serving
from lifelong.components.serving_validator.config import ServingConfig

NOTED = {
    "requests": 64,
    "largest_score_difference": 2e-5,
    "latency_p50_ms": 6.54,
    "latency_p99_ms": 9.87,
    "warmup_requests": 19,
}


def test_what_the_served_model_showed_is_told():
    assert describe_serving(ServingConfig(latency_candidates=150), NOTED) == (
        "served: scores of 64 requests differ by at most 2e-05 from the Evaluator's; Predict with "
        "150 candidates and a full history p50 6.5 ms, p99 9.9 ms; 19 warm-up requests go with the "
        "model"
    )


def test_a_difference_of_0_is_told_as_far_as_metadata_keep_it():
    said = describe_serving(ServingConfig(), {**NOTED, "largest_score_difference": 0.0})
    assert "differ by at most 5e-07 from" in said
