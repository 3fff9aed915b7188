"""What a credential sees: the advertising accounts that it reaches, and what it may do there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from autonomy.platforms.base import PlatformError

LOOKED_AT = 20
"""Accounts of Google that are asked for their name, and managers for what they hold."""
WHERE_TO_GET = {
    "meta": (
        "A token is made in Meta's Business settings, Users, System users: add a system user, give "
        "it the advertising account under Assigned assets (view performance is enough), then "
        "Generate token with the permission ads_read. Set it as AUTONOMY_META_TOKEN, and the "
        "app's secret (App settings, Basic) as AUTONOMY_META_APP_SECRET."
    ),
    "google": (
        "Make a service account in Google Cloud (or use the function's own), switch the Google Ads "
        "API on in that project, and add the service account's e-mail as a user in Google Ads, "
        "Admin, Access and security (read only is enough). Set its key as "
        "AUTONOMY_GOOGLE_ADS_CREDENTIALS; empty, the function's own account is used."
    ),
}
"""What to do where access is missing; a developer token is not needed."""


@dataclass(frozen=True)
class Visible:
    """The accounts of a credential; what is not told is left empty."""

    accounts: list[tuple[str, str]] = field(default_factory=list)
    """Id and name, as far as they are told."""
    permissions: list[str] = field(default_factory=list)
    level: str = ""
    logins: dict[str, str] = field(default_factory=dict)
    """Google Ads: of those that are reached through a manager alone, the number of that."""


def visible(platform: str, credential: str, session: Any = None) -> Visible:
    """What the named credential sees. Raises PlatformError."""
    return _meta(credential, session) if platform == "meta" else _google(credential, session)


def lacking(platform: str, seen: Visible) -> list[str]:
    """What is missing for reading, each a sentence with where to get it."""
    if seen.permissions and not {"ads_read", "ads_management"} & set(seen.permissions):
        return [f"The token lacks the permission ads_read. {WHERE_TO_GET[platform]}"]
    if not seen.accounts:
        return [f"It sees no advertising account. {WHERE_TO_GET[platform]}"]
    return []


def _meta(credential: str, session: Any) -> Visible:
    from autonomy.platforms.credentials import meta_secrets
    from autonomy.platforms.meta_graph import GRAPH, Graph

    secrets = meta_secrets(credential)
    graph = Graph(
        "", token=secrets.token, app_secret=secrets.app_secret, base=GRAPH, session=session
    )
    accounts = [
        (row.needed("account_id"), row.title("name"))
        for rows in graph.pages("me/adaccounts", {"fields": "account_id,name"})
        for row in rows
    ]
    try:
        told = graph.get("me/permissions", {}).parts("data", "a permission")
        granted = [one.needed("permission") for one in told if one.text("status") == "granted"]
    except PlatformError:  # not every kind of token may ask
        granted = []
    return Visible(sorted(accounts), granted, graph.tier)


def below(manager: str, credential: str, session: Any = None) -> list[tuple[str, str]]:
    """Number and name of the advertising accounts that a manager of Google Ads holds."""
    from autonomy.platforms.credentials import google_token_source
    from autonomy.platforms.google_ads import GoogleAdsAccount

    token = google_token_source(credential)
    account = GoogleAdsAccount(manager, token=token, login_customer_id=manager, session=session)
    return list(account.clients())


def _google(credential: str, session: Any) -> Visible:
    """What is reached directly, and through managers among that."""
    from autonomy.platforms.credentials import google_token_source
    from autonomy.platforms.google_ads import GOOGLE_ADS, GoogleAdsAccount, _base
    from autonomy.platforms.google_errors import judged
    from autonomy.platforms.http import Http

    token = google_token_source(credential)
    http = Http("Google Ads", _base(GOOGLE_ADS), token=token, judge=judged, session=session)
    body = http.call("GET", "customers:listAccessibleCustomers").body
    names = body.get("resourceNames", []) if isinstance(body, dict) else []
    numbers = sorted(str(name).removeprefix("customers/") for name in names)
    found: dict[str, str] = dict.fromkeys(numbers, "")
    logins: dict[str, str] = {}
    for number in numbers[:LOOKED_AT]:
        try:
            facts = GoogleAdsAccount(number, token=token, session=session).account()
            if not facts.details["manager"]:
                found[number] = facts.name
                continue
            del found[number]
            for one, name in below(number, credential, session):
                logins |= {} if one in numbers else {one: number}
                found[one] = found.get(one) or name
        except PlatformError:  # one that is closed, or of test accounts only
            continue
    return Visible(sorted(found.items()), logins=logins)
