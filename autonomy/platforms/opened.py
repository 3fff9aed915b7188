"""From a connection to the client that reads it, with the credential that it names.

The clients are imported here, and only where an account is connected: requests and google-auth are
a tenth of a second of a cold start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autonomy.platforms.base import Platform

if TYPE_CHECKING:
    from autonomy.store import Json


def opened(connection: Json, session: Any = None) -> Platform:
    """The account of a connection. Raises AccountBroken where its credential is not set."""
    name = str(connection.get("credential") or "")
    if connection["platform"] == "meta":
        from autonomy.platforms.credentials import meta_secrets
        from autonomy.platforms.meta import MetaAccount

        secrets = meta_secrets(name)
        return MetaAccount(
            str(connection["external_id"]),
            token=secrets.token,
            app_secret=secrets.app_secret,
            conversion=connection.get("conversion_action"),
            attribution_windows=tuple(connection.get("attribution_windows") or ()),
            session=session,
        )
    from autonomy.platforms.credentials import google_token_source
    from autonomy.platforms.google_ads import GoogleAdsAccount

    return GoogleAdsAccount(
        str(connection["external_id"]),
        token=google_token_source(name),
        login_customer_id=connection.get("login_id"),
        session=session,
    )
