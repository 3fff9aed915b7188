"""The dashboard: pages for people, each working with JavaScript off."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint

from autonomy.config import Settings
from autonomy.run.request import RunAnswer
from autonomy.store import Store
from autonomy.web.auth.access import Access
from autonomy.web.pages.accounts import account_pages
from autonomy.web.pages.actions import action_pages
from autonomy.web.pages.campaign_table import campaign_table
from autonomy.web.pages.campaigns import campaign_pages
from autonomy.web.pages.drafts import draft_pages
from autonomy.web.pages.frame import Frame
from autonomy.web.pages.insights import insight_pages
from autonomy.web.pages.notifications import notification_pages
from autonomy.web.pages.opportunities import opportunity_pages
from autonomy.web.pages.optimisation import optimisation_pages
from autonomy.web.pages.overview import overview_pages
from autonomy.web.pages.proof import proof_pages
from autonomy.web.pages.report import report_pages
from autonomy.web.pages.rules import rule_pages
from autonomy.web.pages.runs import run_pages
from autonomy.web.pages.settings import settings_pages


def page_routes(
    settings: Settings, store: Store, access: Access, run: Callable[..., RunAnswer]
) -> list[Blueprint]:
    """One blueprint a tab, and insights, accounts and budget optimisation."""
    frame = Frame(settings, store, access)
    return [
        overview_pages(frame),
        insight_pages(frame),
        proof_pages(frame),
        report_pages(frame),
        action_pages(frame),
        opportunity_pages(frame),
        rule_pages(frame),
        draft_pages(frame),
        campaign_table(frame),
        campaign_pages(frame),
        run_pages(frame, run),
        settings_pages(frame),
        notification_pages(frame),
        optimisation_pages(frame),
        account_pages(frame),
    ]
