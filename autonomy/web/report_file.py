"""The report as a file by itself: one page that needs no server, no script and no other file."""

from __future__ import annotations

from flask import Flask, g, render_template

from autonomy.web.assets import files
from autonomy.web.dress import dress
from autonomy.web.report import Report

STYLES = ("autonomy.css", "tables.css", "reports.css")


def report_file(report: Report, dashboard_url: str) -> str:
    """HTML; its links lead to the dashboard where its address is known, else there are none."""
    app = Flask("autonomy.web", static_folder=None, template_folder="templates")
    dress(app)
    with app.app_context():
        g.zone = report.found["time_zone"]
        return render_template(
            "report_file.html",
            root=f"{dashboard_url.rstrip('/')}/" if dashboard_url else None,
            styles="\n".join(files()[name].decode() for name in STYLES),
            **report.shown(),
        )
