"""Reads behaviour and impression logs of any format as columns, setting unusable rows aside."""
