"""What every template of ours may use."""

from __future__ import annotations

from flask import Flask
from jinja2 import ChainableUndefined

from autonomy.web import charts, row_words
from autonomy.web import formats as show


def dress(app: Flask) -> None:
    """The filters of the templates, and how their blanks are read."""
    app.jinja_env.undefined = ChainableUndefined  # stored JSON may lack anything
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update({**show.FILTERS, **charts.FILTERS, **row_words.FILTERS})
