"""The engine's candidate as a run of that day would have seen it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from autonomy.engine.candidate import SPEND, Candidate, measure
from autonomy.replay.past import Look
from autonomy.replay.past_campaign import PastCampaign


def candidate(
    look: Look, campaign: PastCampaign, windows: Sequence[str], hold_days: float = 0.0
) -> Candidate:
    """The engine's candidate, as if nothing of ours had ever been done to the campaign."""
    figures = look.figures
    one = Candidate()
    one.has_figures = True
    one.campaign_id = campaign.id
    one.title = campaign.title
    one.account = campaign.account
    one.currency = campaign.currency
    one.status = "active"
    one.is_active = True
    one.budget = one.budget_low_7d = campaign.budget_at(look.at)
    one.reference_budget = one.budget  # nothing of ours has changed it yet
    one.curvature, one.put_back = None, False  # what its account has; nobody is pulled against
    one.hours_running = measure(figures.hours_running)
    one.autonomous_enabled = campaign.enabled
    one.hold_until = None
    one.data_age_hours = measure(figures.data_age_hours)
    one.lifetime = tuple(map(measure, look.lifetime))
    one.windows = {
        name: tuple(map(measure, look.window(name, windows))) for name in windows
    } or None
    one.evidence = look.evidence(campaign.cv2)
    one.last_action_at = one.last_pause_at = one.last_resume_at = None
    one.pending = one.test_running = False
    one.holdout_draw = 1.0
    one.paused_action = None
    one.value_missing = False
    one.target_roi, one.attribution = campaign.target_roi, campaign.attribution
    one.suspect = None  # days that were left out are gone here, too; others are not doubted anew
    one.no_raises_event = one.no_cuts_event = one.no_pauses_event = None
    one.no_raise_until = one.no_cut_until = one.no_pause_until = None
    one.budget_person = one.pause_person = None
    one.account_broken, one.pulled_at, one.platform_holds = None, None, ()  # of the present
    one.platform_minimum, one.rate_until, one.refused_until = None, None, {}
    one.budget_use = _budget_use(look, campaign, one)
    if campaign.people:
        _people(one, campaign, look.at, timedelta(days=hold_days))
    return one


def _people(one: Candidate, campaign: PastCampaign, at: datetime, stands: timedelta) -> None:
    """What a person did last stands, as `people_changes` has it."""
    budget = campaign.last_by_person(at, stands, "cut", "raised")
    if budget is not None:
        one.last_action_at, until = budget.at, budget.at + stands
        if budget.what == "cut":
            one.no_raise_until = until
        else:
            one.no_cut_until = one.no_pause_until = until
    on = campaign.last_by_person(at, stands, "switched on")
    if on is not None:
        one.last_action_at = max(filter(None, (one.last_action_at, on.at)))
        one.no_pause_until = max(filter(None, (one.no_pause_until, on.at + stands)))


def _budget_use(look: Look, campaign: PastCampaign, one: Candidate) -> float:
    """Which part of its budget it spent on its last complete days; NaN where that is not known."""
    ends = look.at - timedelta(hours=one.data_age_hours if one.data_age_hours > -48.0 else 0.0)
    days, spend = 3, one.window("3d")[SPEND]
    if ends > look.at:  # the last day is not over
        ends, days, spend = ends - timedelta(days=1), 2, spend - one.window("1d")[SPEND]
    since = max(filter(None, (campaign.first_day, campaign.budget_known_from)))
    days = min(days, int((ends - since) / timedelta(days=1)))
    budgets = [campaign.budget_at(ends - timedelta(days=number)) for number in range(1, days + 1)]
    known = [float(budget) for budget in budgets if budget is not None and budget > 0]
    if len(known) < max(2, days):
        return measure(None)
    return spend / sum(known)
