"""Writes the schema that all records must follow."""
