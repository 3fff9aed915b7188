"""Autonomous operations: an hourly run that pauses, scales and watches campaigns."""

__version__ = "0.2.0"
"""Said by `--version`, /healthz, /openapi.json and the newest heading of CHANGELOG.md."""
