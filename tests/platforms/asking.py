"""How tests ask a fake, without any client of ours."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import requests

from tests.platforms.fake_google import FakeGoogle
from tests.platforms.fake_meta import FakeMeta


class Meta:
    """The Graph API, asked plainly."""

    def __init__(self, fake: FakeMeta) -> None:
        self.fake = fake
        self.base = fake.start()
        self.headers = {"Authorization": f"Bearer {fake.token}"}

    def get(self, path: str, **params: Any) -> requests.Response:
        told = {name: _text(value) for name, value in params.items()}
        return requests.get(f"{self.base}/{path}", told, headers=self.headers, timeout=10)

    def post(self, path: str, **form: Any) -> requests.Response:
        told = {name: _text(value) for name, value in form.items()}
        return requests.post(f"{self.base}/{path}", told, headers=self.headers, timeout=10)

    def rows(self, path: str, **params: Any) -> Iterator[dict[str, Any]]:
        """All pages."""
        after: dict[str, str] = {}
        while True:
            told = self.get(path, **params, **after).json()
            yield from told["data"]
            if "next" not in told.get("paging", {}):
                return
            after = {"after": told["paging"]["cursors"]["after"]}

    def insights(self, account: str, since: str, until: str, **params: Any) -> list[dict[str, Any]]:
        asked = {
            "level": "campaign", "time_increment": 1, "limit": 500,
            "fields": "campaign_id,adset_id,impressions,clicks,spend,reach,actions,action_values",
            "time_range": {"since": since, "until": until},
        }  # fmt: skip
        return list(self.rows(f"act_{account}/insights", **{**asked, **params}))


class Google:
    """The Google Ads API, asked plainly."""

    def __init__(self, fake: FakeGoogle, customer: str, login: str | None = None) -> None:
        self.fake = fake
        self.base = fake.start()
        self.customer = customer
        self.headers = {"Authorization": f"Bearer {fake.token}"}
        if login:
            self.headers["login-customer-id"] = login

    def post(self, method: str, body: Mapping[str, Any]) -> requests.Response:
        address = f"{self.base}/customers/{self.customer}/{method}"
        return requests.post(address, json=body, headers=self.headers, timeout=10)

    def rows(self, query: str) -> list[dict[str, Any]]:
        """All pages."""
        found: list[dict[str, Any]] = []
        body = {"query": query}
        while True:
            answer = self.post("googleAds:search", body)
            assert answer.status_code == 200, answer.text
            told = answer.json()
            found += told.get("results", [])
            if "nextPageToken" not in told:
                return found
            body["pageToken"] = told["nextPageToken"]

    def errors(self, answer: requests.Response) -> list[dict[str, str]]:
        told = answer.json()
        told = told[0] if isinstance(told, list) else told
        status = told.get("error") or told["partialFailureError"]
        return [one["errorCode"] for one in status["details"][0]["errors"]]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
