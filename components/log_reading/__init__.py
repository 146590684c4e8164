"""Reads logs in Beam: what every component that works on a log begins with."""
