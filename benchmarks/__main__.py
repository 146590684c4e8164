"""Runs all measurements, or those named: `python -m benchmarks reader ranking`."""

from __future__ import annotations

import logging
import os
import sys

from lifelong.commands.quiet_start import load_tensorflow_quietly

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
load_tensorflow_quietly()


def main(names: list[str]) -> int:
    """Prints the lines of each measurement as soon as it is done."""
    logging.disable(logging.WARNING)
    from benchmarks import (
        behavior_store,
        disk,
        eta_kernel,
        export_memory,
        import_cost,
        impressions,
        ingestion,
        load,
        long_term,
        online,
        parts,
        platforms,
        predict,
        ranking,
        retrieval,
        search,
        store_parity,
        tables,
        training,
        vocabulary,
    )

    measurements = {
        "ingestion": ingestion.measure_ingestion,
        "disk": disk.measure_disk,
        "reader": training.measure_reader,
        "training": training.measure_training_step,
        "feeding": training.measure_reading_against_training,
        "impressions": impressions.measure_impressions,
        "ranking": ranking.measure_ranking,
        "parts": parts.measure_parts,
        "long_term": long_term.measure_long_term,
        "predict": predict.measure_predict,
        "tables": tables.measure_tables,
        "search": search.measure_searches,
        "eta_kernel": eta_kernel.measure_eta_kernel,
        "search_sizes": eta_kernel.measure_search_sizes,
        "retrieval": retrieval.measure_retrieval,
        "behavior_store": behavior_store.measure_behavior_store,
        "store_parity": store_parity.measure_store_parity,
        "online": online.measure_online,
        "load": load.measure_load,
        "vocabulary": vocabulary.measure_vocabulary,
        "export_memory": export_memory.measure_export_memory,
        "import": import_cost.measure_import,
    }
    # Whole runs on both platforms: not among all, only where it is named.
    named = measurements | {"platforms": platforms.measure_platforms}
    unknown = set(names) - set(named)
    if unknown:
        print(f"unknown: {', '.join(sorted(unknown))}; choose from {', '.join(named)}")
        return 2
    for name in names or measurements:
        for line in named[name]():
            print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
