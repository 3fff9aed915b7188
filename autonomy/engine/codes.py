"""Every reason code and every sentence, once: Python, SQL, pages and the reference read them here.

The order of the rows is the order of the checks: of several reasons, the first is the campaign's.
`python -m autonomy sql` writes the same rows into the database (sql/0505_codes.sql) and into
docs/reference.md. A reserved code has its place and its words before anything raises it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

Kind = Literal["campaign", "size", "rule", "run", "proposal", "failure"]


class Code(NamedTuple):
    """One reason.

    `means`: why, as it goes on after "because". `says`: the sentences of a held or failed decision,
    by variant; "" where there is only one. Their {words} are those of `reasons.WORDS`.
    """

    code: str
    kind: Kind
    means: str
    says: Mapping[str, str] = MappingProxyType({})
    looks_at: str = ""
    limit: str = ""  # fields of policy, rule or campaign, by name
    detail: str = ""  # what the reference says beyond `means`
    reserved: bool = False


def _says(sentence: str = "", **variants: str) -> Mapping[str, str]:
    return MappingProxyType({"": sentence} if sentence else variants)


CODES: tuple[Code, ...] = (
    # What stops everything -----------------------------------------------------------------------
    Code(
        "FROZEN", "campaign", "everything is frozen",
        _says("the system is frozen. It goes on when it is unfrozen."),
        "the kill switch", "frozen"),
    Code(
        "OBSERVE", "campaign", "its account is only observed",
        _says("its account is only observed, so nothing is changed."),
        "the mode of its account", "mode",
        "its account's mode is `observe`, or the policy's became so in between"),
    # What the campaign says ----------------------------------------------------------------------
    Code(
        "DISABLED", "campaign", "automation is switched off for this campaign",
        _says("automation is switched off for this campaign."),
        "autonomous_enabled of the campaign", "autonomous_enabled"),
    Code(
        "ON_HOLD", "campaign", "the campaign is on hold",
        _says("it is left alone until {hold_until}."), "hold_until of the campaign", "hold_until",
        "it is left alone until a moment, after a rollback or by hand"),
    Code(
        "ACCOUNT_BROKEN", "campaign", "its account cannot be reached",
        _says("its account cannot be read from its platform: {account_broken} It will be looked at "
              "again when that is mended."),
        "the connection of its account", "",
        "its account is connected, and its platform refuses it as a whole"),
    Code(
        "NOT_SYNCED", "campaign", "its platform was read too long ago",
        _says(
            old="its platform was read last at {pulled_at}, more than 90 minutes ago. It will be "
            "looked at again when it has been read.",
            never="its platform has not been read yet. It will be looked at again when it has."),
        "when its platform was read last", "",
        "its account is connected and was last read over 90 minutes ago: too old to decide on"),
    # What its figures are worth ------------------------------------------------------------------
    Code(
        "STALE_DATA", "campaign", "its figures are too old",
        _says(
            old="its figures are {data_age} hours old, more than {max_data_age}. It will be looked "
            "at again when new ones arrive.",
            unknown="its figures are of unknown age. It will be looked at again when new ones "
            "arrive."),
        "age of its figures", "max_data_age_hours"),
    Code(
        "SUSPECT_DATA", "campaign", "its figures cannot be right",
        _says("its figures cannot be right: {suspect}. It is left alone until they are corrected; "
              "a day still in doubt after 24 hours is left out of the evidence."),
        "what a conversion is worth and what is spent, beside the days before; the future", "",
        "its figures cannot be right: a conversion worth over 20 times what is usual, ten times "
        "its budget spent, or figures of the future. After 24 hours such a day is left out of the "
        "evidence and work goes on"),
    Code(
        "VALUE_NOT_MEASURED", "campaign", "its conversions carry no value, so its ROI says nothing",
        _says("its conversions carry no value, so its roi says nothing. Feed their revenue, or "
              "what a conversion is worth."),
        "conversions of 30 days without any value, its own or its account's", "",
        "its conversions of 30 days carry no value, so its roi says nothing: in an account that "
        "has five conversions and more and no value at all; beside others that have values only "
        "from 20 conversions on, or where these at the usual order value would be worth three "
        "times its spend"),
    Code(
        "PLANNED_EVENT", "campaign", "an event is planned for these days",
        _says("a planned event is against it: {planned_event}. It will be looked at again later."),
        "events planned for it or its account", "",
        "an event planned for it or its account says no raises (a resume is one), no cuts or no "
        "pauses until a moment; what a person approves or types is done all the same"),
    Code(
        "CHANGED_BY_PERSON", "campaign", "a person changed it, and this would go against that",
        _says("a person changed it{whose}, and nothing is done against that until {person_until}."),
        "what a person did last to its budget or status", "person_hold_days",
        "a person changed it, and this would go against that: a budget that was cut is not raised, "
        "one that was raised is not cut; what was raised or switched on is paused only from 95 % "
        "on"),
    Code(
        "COOLDOWN", "campaign", "it was changed a short while ago",
        _says(
            changed="it was changed a short time ago. The cooldown ends {cooldown_ends}.",
            refused="its platform has refused the same. It may be tried again at {refused_until}."),
        "hours since its last action or a person's change; for a pause, its last pause or resume",
        "cooldown_hours",
        "an action was taken on it, or a person changed it, a short while ago; a pause waits for "
        "pauses only, a resume also for the seven days after a resume; what its platform refused "
        "is not tried again for 24 hours"),
    Code(
        "PLATFORM_RATE", "campaign", "it was changed too often within the hour",
        _says("its budget was changed four times within an hour, and its platform takes no more. "
              "It may be changed again from {rate_until} on."),
        "changes of its budget on its platform within an hour", "",
        "its budget was changed on its platform four times within an hour"),
    Code(
        "TOO_LITTLE_DATA", "campaign", "there is too little data to judge",
        _says(
            spend="it has spent nothing, so there is nothing to judge it by.",
            budget="it has no budget to change.",
            reference="it is not known what its budget was before it was changed, so where it "
            "belongs is not known either.",
            age="it is not known to have run {min_pause_hours} hours.",
            young="a pause needs {min_pause_hours} hours of running. It will be looked at again in "
            "{hours_missing}."),
        "spend at all; hours running before a pause; a budget to change", "min_pause_hours",
        "no spend at all, no budget to change or, of optimisation, to compare it with, or too "
        "young to be paused"),
    Code(
        "TEST_RUNNING", "campaign", "an A/B test runs on it",
        _says("an A/B test runs on it. It will be looked at again when the test ends."),
        "an A/B test runs on it"),
    Code(
        "LEARNING", "campaign", "its platform is still learning",
        _says("its platform is still learning how to deliver it. Its budget will be looked at "
              "again when that is over."),
        "what its platform says of it", "", "no raise, no cut: a changed budget would begin the "
        "learning anew; a pause does not wait"),
    Code(
        "AWAITING_APPROVAL", "campaign", "an action on it waits for approval",
        _says("another action on it waits for approval. It will be looked at again when that is "
              "approved or rejected."),
        "a pending action", "approval_hours"),
    # What its budget is --------------------------------------------------------------------------
    Code("NO_BUDGET", "campaign", "it has no budget", reserved=True),
    Code(
        "LIFETIME_BUDGET", "campaign", "its budget is for its whole life",
        _says("its budget is for its whole life, not for a day."),
        "the kind of its budget on its platform"),
    Code(
        "SHARED_BUDGET", "campaign", "it shares its budget with others",
        _says("it shares its budget with other campaigns, and what is good for one of them is not "
              "for all."),
        "the kind of its budget on its platform"),
    Code(
        "SCHEDULED_BUDGET", "campaign", "its platform changes its budget",
        _says("somebody has scheduled its budgets on its platform."),
        "what its platform says of it"),
    Code(
        "BUDGET_ON_CHILDREN", "campaign", "its budgets lie below it",
        _says("its budgets stand on the parts of it, not on the campaign."),
        "the kind of its budget on its platform"),
    # Whether it would be right -------------------------------------------------------------------
    Code(
        "AGAINST_THE_ODDS", "campaign", "the evidence does not support it",
        _says(
            more="{odds}. About {more_evidence} would settle it, in about {more_days}.",
            never="{odds}. More of the same would not settle it."),
        "probability that the action is right", "min_confidence, min_pause_confidence",
        "too likely to be wrong"),
    Code(
        "NOT_LIMITED_BY_BUDGET", "campaign", "it does not spend the budget that it has",
        _says("its budget is not what limits it: {budget_use} % of it is spent. It will be looked "
              "at again when at least 70 % are."),
        "share of its budget spent on its last complete days", "",
        "no raise: less than 70 % of the budget was spent on its last complete active days (the "
        "mean of three, two at least); unknown never holds"),
    Code(
        "HOLDOUT", "campaign", "it belongs to this week's comparison group",
        _says("it is in this week's comparison group, which is left alone. It will be looked at "
              "again next week."),
        "its lot this week, for comparison", "holdout_share"),
    # How far it may go ---------------------------------------------------------------------------
    Code(
        "STEP_CAP", "size", "the step would be too large",
        _says("one step may not go beyond {max_step}."),
        "new budget beside the present one", "max_step", "shrunk: too much in one step"),
    Code(
        "GROWTH_CAP", "size", "it has grown enough this week",
        _says("its budget has grown to {max_growth} within 7 days. It may grow again as that week "
              "passes."),
        "new budget beside the lowest of 7 days", "max_growth_7d", "shrunk: too much in 7 days"),
    Code(
        "BUDGET_CAP", "size", "the budget's limit is reached",
        _says(
            cap="its budget is at the cap of {max_budget}. A higher cap would settle it.",
            floor="its budget is at the floor of {min_budget}. A lower floor would settle it."),
        "new budget itself", "max_budget, min_budget",
        "shrunk: beyond the rule's or the policy's limit"),
    Code(
        "TOTAL_CAP", "size", "the account's total is reached",
        _says("the active campaigns of its account have {total_before} a day as budgets, and "
              "{total_allowed} is their total. A higher total, or less for another campaign, would "
              "settle it."),
        "the budgets of the account's active campaigns together", "daily_total",
        "shrunk or held: the budgets of the account's active campaigns together would be above its "
        "total; a resume as well"),
    Code(
        "PACING", "size", "the account's month would be overspent",
        _says("the active campaigns of its account have {total_before} a day as budgets, and what "
              "is left of its month allows {total_allowed}. It will be looked at again every day, "
              "and when the next month begins."),
        "the same, beside what is left of the account's month", "monthly_total",
        "shrunk or held: the account's month would end above its total"),
    Code(
        "BELOW_MINIMUM", "size", "its platform takes no budget so small",
        _says("its platform takes no budget below {platform_minimum}."),
        "the least budget that its platform takes", "",
        "shrunk or held: its platform would refuse a budget so small"),
    Code(
        "NO_CHANGE", "size", "the change would be too small to matter",
        _says("the change would be under {least_change} % of its budget."),
        "what is left of the change", "",
        "less than 1 % would be left of the change, of optimisation less than 5 %"),
    Code(
        "OUTRANKED", "rule", "another rule came first",
        looks_at="a rule before it that decides", limit="priority"),
    # What stops a whole run ----------------------------------------------------------------------
    Code(
        "TRACKING_BREAKER", "run", "conversion tracking seems broken",
        _says("tracking looks broken, and then every campaign looks bad. It will be looked at "
              "again when conversions arrive again."),
        "conversions beside what the clicks would have brought", "tracking_breaker_ratio",
        "conversions are missing, in its account or everywhere: neither paused nor cut nor raised"),
    Code(
        "VALUE_BREAKER", "run", "what a conversion is worth has jumped",
        _says("what a conversion is worth has jumped, and then roi says nothing. It will be looked "
              "at again when values are as they were, or have stayed at their new level."),
        "what the last 30 conversions are worth beside what is usual", "value_breaker_factor",
        "what conversions are worth has jumped, in its account or all of its currency: neither "
        "paused nor cut nor raised"),
    Code(
        "SHRINK_BREAKER", "run", "the account would shrink too fast",
        _says("the account has been cut enough for 24 hours. It will be looked at again when those "
              "have passed."),
        "money that cuts of 24 hours take from the budget before them", "shrink_breaker_share",
        "cuts of 24 hours would take too much of the account's budget before them: the most "
        "certain go first, and one always goes"),
    Code(
        "PAUSE_BREAKER", "run", "too many pauses at once: a person decides",
        looks_at="pauses of 24 hours beside the active campaigns",
        limit="pause_breaker_share, pause_breaker_count",
        detail="too many pauses at once, in an account or in all: a person decides; of fewer than "
        "20 campaigns also the third pause that makes more than half"),
    Code(
        "GROWTH_BREAKER", "run", "the account would grow too fast",
        _says("the budgets have grown enough for 24 hours. It will be looked at again when those "
              "have passed."),
        "money that scale-ups of 24 hours add to the budget before them",
        "growth_breaker_share, growth_breaker_count",
        "scale-ups of 24 hours would add too much to the budget before them: the most certain go "
        "first"),
    # What a person decides -----------------------------------------------------------------------
    Code("APPROVAL", "proposal", "a person must approve it",
         detail="the mode is `approve`, or the rule wants it"),
    # What became of it ---------------------------------------------------------------------------
    Code(
        "CHANGED_MEANWHILE", "failure", "somebody changed the campaign in the meantime",
        detail="the campaign is not as it was when this was decided; the person's change stays"),
    Code(
        "RULE_CHANGED", "failure", "the rule was changed in the meantime",
        detail="the rule was changed, switched off or removed in between; the next run decides by "
        "what it says now"),
    Code("PLATFORM_REFUSED", "failure", "the platform refused it",
         detail="the campaign is again as it is there, and the same is not tried for 24 hours"),
    Code("NOT_TAKEN", "failure", "the platform did not take it",
         detail="its platform said yes, and three times it was not there when it was read back"),
    Code("NOT_DELIVERED", "failure", "it could not be delivered",
         detail="it waited longer than `approval_hours`, or carrying over was ended"),
    Code("GONE", "failure", "the campaign is gone on its platform",
         detail="it was archived or deleted there; it is paused here and left to people"),
    Code("CAMPAIGN_NOT_FOUND", "failure", "the campaign is gone"),
    Code("BAD_DECISION", "failure", "the decision cannot be read"),
    Code(
        "REFUSED_BY_DATABASE", "failure", "the database refused it",
        detail="a constraint or trigger of your own on `campaigns` said no"),
    Code("UNREADABLE", "failure", "its figures could not be read",
         detail="a candidate could not be read; it was left out"),
    Code(
        "REJECTED", "failure", "a person rejected it",
        detail="a person refused the proposal; the campaign is left alone for `cooldown_hours`"),
    Code("EXPIRED", "failure", "nobody approved it in time"),
)  # fmt: skip

BY_CODE: Mapping[str, Code] = MappingProxyType({row.code: row for row in CODES})
PLACE: Mapping[str, int] = MappingProxyType({row.code: at for at, row in enumerate(CODES, 1)})

# How a decision begins, by its direction: held, done, proposed, would be done.
VOICES = ("held", "done", "proposed", "would")
_BEGIN = {
    "pause": ("Not paused", "Paused", "Proposed to be paused", "Would be paused"),
    "up": (
        "Budget not raised", "Budget raised{amounts}", "Budget proposed to be raised{amounts}",
        "Budget would be raised{amounts}"),
    "down": (
        "Budget not lowered", "Budget lowered{amounts}", "Budget proposed to be lowered{amounts}",
        "Budget would be lowered{amounts}"),
    "resume": ("Not resumed", "Resumed", "Proposed to be resumed", "Would be resumed"),
}  # fmt: skip
_LIMITED = {
    "": "",
    "STEP_CAP": ", as far as one step may go,",
    "GROWTH_CAP": ", as far as growth within 7 days may go,",
    "BUDGET_CAP": ", as far as the cap allows,",
    "TOTAL_CAP": ", as far as the account's total allows,",
    "PACING": ", as far as the account's month allows,",
    "BELOW_MINIMUM": ", as far as its platform takes it,",
}
# A budget that is lowered for its account's total, whatever its campaign does: no rule says so.
_OF_A_TOTAL = {
    "done": "Budget lowered from {old_budget} to {new_budget} for the account's total: ",
    "proposed": "Budget proposed to be lowered from {old_budget} to {new_budget} for the account's "
    "total: ",
    "would": "Budget would be lowered from {old_budget} to {new_budget} for the account's total: ",
}
_WHY = {
    "pause": "{figures}. {chance} % likely to be below {target}{believed}.",
    "up": "{figures}, {conversions}. {returns}{chance} % likely that more budget earns its keep"
    "{against}{believed}.",
    "down": "{figures}. {returns}{chance} % likely that its last part of budget does not earn its "
    "keep{against}{believed}.",
    "resume": "late conversions brought it to {revenue} earned for {spend} spent{times}. "
    "{chance} % likely that the pause was wrong{believed}.",
    "pause.curve": "{figures}. Its budget is at its floor, and {chance} % likely not even the "
    "first {unit} of it earns its keep{against}{believed}.",
    "up.curve": "{figures}, {conversions}. The next {unit} returns {next_return}, the average one "
    "{average_return}, {goal}: towards {target_budget}. {chance} % likely that more "
    "budget earns its keep{believed}.",
    "down.curve": "{figures}. The next {unit} returns {next_return}, the average one "
    "{average_return}, {goal}: towards {target_budget}. {chance} % likely that its "
    "last part of budget does not earn its keep{believed}.",
    "pause.cpa": "{costs}. {chance} % likely to cost more than {cpa_limit} a conversion{believed}.",
    "up.cpa": "{costs}. {chance} % likely to cost less than {cpa_limit} a conversion{believed}.",
    "down.cpa": "{costs}. {chance} % likely to cost more than {cpa_limit} a conversion{believed}, "
    "and then its last part of budget costs too much.",
    "total.TOTAL_CAP": "its active campaigns had {total_before} a day as budgets, and "
    "{total_allowed} is the most. It says nothing of how this one does.",
    "total.PACING": "its active campaigns had {total_before} a day as budgets, and what is left of "
    "its month allows {total_allowed}. It says nothing of how this one does.",
    "resume.cpa": "{costs}, the late ones counted. {chance} % likely that the pause was "
    "wrong{believed}.",
}  # fmt: skip


def _sentences() -> dict[str, str]:
    """Every template by name: `CODE.variant`, `begin.direction.voice.limit`, `why.direction`.

    Judged by cpa, the last is `why.direction.cpa`; by the curve, `why.direction.curve`.
    """
    all_of = {f"{row.code}.{variant}": said for row in CODES for variant, said in row.says.items()}
    all_of |= {f"why.{name}": said for name, said in _WHY.items()}
    for direction, begins in _BEGIN.items():
        for voice, begin in zip(VOICES, begins, strict=True):
            for limit, limited in _LIMITED.items():
                if limit and "{amounts}" not in begin:
                    continue
                amounts = " from {old_budget} to {new_budget}" + limited
                by = "after the pause by" if direction == "resume" else "by"
                text = begin.replace("{amounts}", amounts) + f' {by} "{{rule}}": '
                all_of[f"begin.{direction}.{voice}.{limit}"] = text
    all_of |= {f"begin.total.{voice}.": said for voice, said in _OF_A_TOTAL.items()}
    return all_of | {
        "many_pauses": " So many pauses at once are left to a person.",
        "observed": " Nothing is changed: its account is only observed.",
    }


SENTENCES: Mapping[str, str] = MappingProxyType(_sentences())


def in_order(codes: Iterable[str]) -> list[str]:
    """Codes in the order of the checks; what is not known stands last."""
    return sorted(codes, key=lambda code: (PLACE.get(code, len(CODES) + 1), code))


def means(code: str) -> str:
    """Why, as it goes on after "because"; an unknown code in its own words."""
    row = BY_CODE.get(code)
    return row.means if row else code.replace("_", " ").lower()
