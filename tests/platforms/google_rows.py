"""What stands in a world as rows of Google's resources, flat: `{"campaign.id": 7, ...}`."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.platforms.gaql import Query, Row, arranged, bad, between, holds
from tests.platforms.google_errors import AdsError
from tests.platforms.world import Account, Budget, Change, Figures, Thing, World

STATUS = {"active": "ENABLED", "paused": "PAUSED", "archived": "REMOVED", "deleted": "REMOVED"}
_LATEST = datetime(2037, 12, 30, 23, 59, 59)  # noqa: DTZ001 - told in the account's own time
_MICROS = 1_000_000


def rows(world: World, account: Account, query: Query, *, history_delay: timedelta) -> list[Row]:
    """The rows of a query, filtered, summed and in order."""
    today = world.now().astimezone(account.zone).date()
    if {"campaign.status", "campaign_budget.amount_micros"} & set(query.select):
        world.is_read()
    made = {
        "customer": _customers, "customer_client": _clients, "campaign": _campaigns,
        "campaign_budget": _budgets, "change_event": _events, "conversion_action": _conversions,
    }[query.resource]  # fmt: skip
    if query.resource == "change_event":
        _check_history(query, world.now().astimezone(account.zone))
    found: Iterator[Row] = made(world, account)
    if query.resource == "change_event":
        latest = _stamp(world.now() - history_delay, account)
        found = (row for row in found if row["change_event.change_date_time"] <= latest)
    if query.uses("metrics") or query.uses("segments"):
        if account.is_manager:
            raise bad("REQUESTED_METRICS_FOR_MANAGER", "a manager account has no metrics")
        found = _measured(world, account, query, list(found), between(query, today))
    conditions = [
        one for one in query.where if one.path != "segments.date" or one.path in query.select
    ]
    return arranged(
        (row for row in found if all(holds(row, one, today) for one in conditions)), query
    )


def _customer(account: Account) -> Row:
    return {
        "customer.resource_name": f"customers/{account.external_id}",
        "customer.id": int(account.external_id), "customer.descriptive_name": account.name,
        "customer.currency_code": account.currency, "customer.time_zone": account.time_zone,
        "customer.status": "ENABLED" if account.active else "SUSPENDED",
        "customer.test_account": False, "customer.manager": account.is_manager,
        "customer.auto_tagging_enabled": True,
    }  # fmt: skip


def _customers(world: World, account: Account) -> Iterator[Row]:
    yield _customer(account)


def _clients(world: World, account: Account) -> Iterator[Row]:
    """The account itself, and what hangs below a manager, on every level."""
    for one in world.accounts.values():
        level = _level(world, one, account)
        if level is None:
            continue
        name = f"customers/{account.external_id}/customerClients/{one.external_id}"
        yield _customer(account) | {
            "customer_client.resource_name": name,
            "customer_client.client_customer": f"customers/{one.external_id}",
            "customer_client.id": int(one.external_id), "customer_client.level": level,
            "customer_client.manager": one.is_manager, "customer_client.hidden": False,
            "customer_client.currency_code": one.currency,
            "customer_client.time_zone": one.time_zone,
            "customer_client.status": "ENABLED" if one.active else "SUSPENDED",
            "customer_client.descriptive_name": one.name, "customer_client.test_account": False,
        }  # fmt: skip


def _level(world: World, one: Account, top: Account) -> int | None:
    """How far below the manager; null where it is not."""
    if one is top:
        return 0
    above = _level(world, world.accounts[one.manager], top) if one.manager else None
    return None if above is None else above + 1


def _conversions(world: World, account: Account) -> Iterator[Row]:
    for index, name in enumerate((*account.counted, *account.not_counted)):
        counts = index < len(account.counted)
        told = {
            "resource_name": f"customers/{account.external_id}/conversionActions/{index + 1}",
            "id": index + 1, "name": name, "status": "ENABLED", "type": "WEBPAGE",
            "category": "PURCHASE" if counts else "PAGE_VIEW", "primary_for_goal": counts,
            "include_in_conversions_metric": counts,
        }  # fmt: skip
        yield _customer(account) | {f"conversion_action.{key}": one for key, one in told.items()}


def _campaigns(world: World, account: Account) -> Iterator[Row]:
    users = _users(world)
    for thing in world.visible(account.external_id):
        if not thing.is_adset:
            held = world.budgets.get(thing.budget or "")
            row = _customer(account) | campaign(world, thing, account)
            yield row | (budget(world, held, account, users[held.id]) if held else {})


def campaign_name(thing: Thing) -> str:
    return f"customers/{thing.account}/campaigns/{thing.external_id}"


def budget_name(held: Budget) -> str:
    return f"customers/{held.account}/campaignBudgets/{held.id}"


def campaign(world: World, thing: Thing, account: Account) -> Row:
    status = STATUS[world.shown_status(thing)]
    learns = world.learns(thing) and status == "ENABLED"
    primary = {"ENABLED": "LEARNING" if learns else "ELIGIBLE"}.get(status, status)
    ends = thing.ends_at.astimezone(account.zone) if thing.ends_at else _LATEST
    told = {
        "resource_name": campaign_name(thing), "id": int(thing.external_id), "name": thing.title,
        "status": status, "serving_status": "SERVING" if status == "ENABLED" else "NONE",
        "primary_status": primary,
        "primary_status_reasons": ["BIDDING_STRATEGY_LEARNING"] if learns else [],
        "bidding_strategy_system_status": "LEARNING_BUDGET_CHANGE" if learns else "ENABLED",
        "experiment_type": "EXPERIMENT" if thing.experiment else "BASE",
        "base_campaign": campaign_name(thing), "advertising_channel_type": "SEARCH",
        "bidding_strategy_type": "MAXIMIZE_CONVERSION_VALUE",
        "start_date_time": f"{thing.created_at.astimezone(account.zone):%Y-%m-%d} 00:00:00",
        "end_date_time": f"{ends:%Y-%m-%d %H:%M:%S}",
        "missing_eu_political_advertising_declaration": False,
        "campaign_budget": f"customers/{thing.account}/campaignBudgets/{thing.budget}",
    } | thing.details  # fmt: skip
    return {f"campaign.{name}": value for name, value in told.items()}


def _users(world: World) -> Counter[str | None]:
    """How many spend each budget."""
    return Counter(
        one.budget for one in world.things.values() if STATUS[one.status] != "REMOVED"
    )  # fmt: skip


def budget(world: World, held: Budget, account: Account, users: int) -> Row:
    amount = world.shown_amount(held)
    told = {
        "resource_name": budget_name(held), "id": int(held.id), "name": f"Budget {held.id}",
        "amount_micros": None if amount is None else int(amount * _MICROS),
        "total_amount_micros": None if held.total is None else int(held.total * _MICROS),
        "status": "REMOVED" if held.removed else "ENABLED",
        "period": "DAILY" if held.total is None else "CUSTOM_PERIOD", "type": held.type,
        "explicitly_shared": held.shared, "reference_count": users,
        "delivery_method": "STANDARD",
    }  # fmt: skip
    return {f"campaign_budget.{name}": value for name, value in told.items()}


def _budgets(world: World, account: Account) -> Iterator[Row]:
    users = _users(world)
    for held in world.budgets.values():
        if held.account == account.external_id:
            yield _customer(account) | budget(world, held, account, users[held.id])


def _measured(
    world: World, account: Account, query: Query, base: list[Row], days: tuple[date, date]
) -> Iterator[Row]:
    """Figures added up as the segments in SELECT say. Without segments all come, with noughts;
    with them only what was delivered."""
    hourly, daily = "segments.hour" in query.select, "segments.date" in query.select
    segmented = bool(query.uses("segments"))
    key = {"campaign": "campaign.id", "campaign_budget": "campaign_budget.id"}.get(query.resource)
    sums: dict[int, dict[tuple[date, int | None], Figures]] = defaultdict(dict)
    for told in world.figures(account.external_id, *days):
        if hourly and told.hour is None:
            continue
        own = sums[_owner(world, told.external_id, query.resource)]
        place = told.day if daily else date.min, told.hour if hourly else None
        own[place] = own[place] + told if place in own else told
    for row in base:
        mine = dict(sums.get(int(row[key]) if key else 0, {}))
        if not mine and not segmented:
            mine[date.min, None] = Figures("", date.min)
        for (day, hour), told in mine.items():
            if told.delivered or not segmented:
                yield row | _metrics(replace(told, day=day, hour=hour))


def _owner(world: World, external_id: str, resource: str) -> int:
    thing = world.things[external_id]
    if thing.parent:
        thing = world.things[thing.parent]
    return int(
        {"campaign": thing.external_id, "campaign_budget": thing.budget or 0}.get(resource, 0)
    )


def _metrics(told: Figures) -> Row:
    row = {
        "metrics.impressions": told.impressions, "metrics.clicks": told.clicks,
        "metrics.cost_micros": int(told.spend * _MICROS), "metrics.conversions": told.conversions,
        "metrics.conversions_value": told.revenue,
    }  # fmt: skip
    if told.day != date.min:
        row["segments.date"] = told.day.isoformat()
        row["segments.day_of_week"] = told.day.strftime("%A").upper()
    if told.hour is not None:
        row["segments.hour"] = told.hour
    return row


# The history of changes


def _stamp(moment: datetime, account: Account) -> str:
    return moment.astimezone(account.zone).strftime("%Y-%m-%d %H:%M:%S.%f")


def _check_history(query: Query, now: datetime) -> None:
    """Both ends within 30 days and a limit of at most 10,000, else it is refused."""

    def wrong(code: str, message: str) -> AdsError:
        return AdsError("changeEventError", code, message)

    told = query.on("change_event.change_date_time")
    signs = {one.operator[0] for one in told}
    if not (signs >= {"<", ">"} or signs & {"B", "D"}):
        raise wrong("CHANGE_DATE_RANGE_INFINITE", "change_date_time needs both ends.")
    if query.limit is None:
        raise wrong("LIMIT_NOT_SPECIFIED", "A change event query needs a LIMIT.")
    if query.limit > 10_000:
        raise wrong("INVALID_LIMIT_CLAUSE", "The LIMIT is at most 10000.")
    oldest = (now - timedelta(days=30)).strftime("%Y-%m-%d")
    begins = [one.values[0] for one in told if one.operator in (">", ">=", "BETWEEN")]
    if any(begin[:10] < oldest for begin in begins):
        raise wrong("START_DATE_TOO_OLD", "The start date is more than 30 days ago.")


def _events(world: World, account: Account) -> Iterator[Row]:
    for number, change in enumerate(world.changes):
        if change.account == account.external_id:
            told = _event(world, account, change, number)
            yield _customer(account) | {f"change_event.{key}": value for key, value in told.items()}


def _event(world: World, account: Account, change: Change, number: int) -> Mapping[str, Any]:
    micros = int(change.at.timestamp() * _MICROS)
    told: dict[str, Any] = {
        "resource_name": f"customers/{account.external_id}/changeEvents/{micros}~{number}~0",
        "change_date_time": _stamp(change.at, account), "user_email": change.actor,
        "client_type": "GOOGLE_ADS_API" if change.program else "GOOGLE_ADS_WEB_CLIENT",
        "resource_change_operation": "UPDATE",
    }  # fmt: skip
    if change.what == "budget":
        held = world.budgets[change.external_id]
        told |= {
            "change_resource_type": "CAMPAIGN_BUDGET", "change_resource_name": budget_name(held),
            "changed_fields": "amountMicros", "old_resource": _amount(change.old),
            "new_resource": _amount(change.new),
        }  # fmt: skip
        return told
    thing = world.things[change.external_id]
    told |= {
        "change_resource_type": "CAMPAIGN", "change_resource_name": campaign_name(thing),
        "campaign": campaign_name(thing), "changed_fields": "status",
        "old_resource": {"campaign": {"status": STATUS[change.old]}},
        "new_resource": {"campaign": {"status": STATUS[change.new]}},
    }  # fmt: skip
    return told


def _amount(told: str) -> dict[str, Any]:
    if told == "None":
        return {"campaignBudget": {}}
    return {"campaignBudget": {"amountMicros": str(int(Decimal(told) * _MICROS))}}
