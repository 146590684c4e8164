"""Experiments on the records of a run: many trainings, compared in tables and plots."""
