"""Turns behaviour and impression logs into one training record per user and split."""
