"""Fingerprints of logs for components whose cache is not what is tested."""

FINGERPRINTS = dict.fromkeys(("behaviors", "impressions", "users", "items"), "as it was")
