"""Evaluation by TFX's own Evaluator: extractors over per-user records, metrics, gate and report."""
