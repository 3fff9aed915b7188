"""Autonomous operations: an hourly run that pauses, scales and watches campaigns."""

__version__ = "0.1.0"
