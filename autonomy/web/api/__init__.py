"""The JSON API. Imports no page."""
