"""What a credential sees, and the shapes of answers with nothing of an account in them."""

from __future__ import annotations

import json
from typing import Any

import pytest
import responses

from autonomy.platforms.base import AccountBroken
from autonomy.platforms.shapes import Shapes, blanked
from autonomy.platforms.visible import Visible, lacking, visible

GRAPH = "https://graph.facebook.com/v26.0"


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUTONOMY_META_API", raising=False)
    monkeypatch.delenv("AUTONOMY_GOOGLE_ADS_API", raising=False)
    monkeypatch.setenv("AUTONOMY_META_TOKEN", "EAAGsecret")
    monkeypatch.setenv("AUTONOMY_META_TOKEN_NORTH", "EAAGnorth")


def graph(permissions: Any = (200, {"data": []}), accounts: Any = ()) -> None:
    responses.get(f"{GRAPH}/me/adaccounts", json={"data": list(accounts)})
    responses.get(f"{GRAPH}/me/permissions", status=permissions[0], json=permissions[1])


@responses.activate
def test_a_token_of_meta_sees_accounts_and_says_what_it_may() -> None:
    granted = {"data": [{"permission": "ads_read", "status": "granted"},
                        {"permission": "email", "status": "declined"}]}  # fmt: skip
    graph((200, granted), [{"account_id": "22", "name": "B"}, {"account_id": "11", "name": "A"}])
    seen = visible("meta", "NORTH")
    assert seen.accounts == [("11", "A"), ("22", "B")]
    assert seen.permissions == ["ads_read"]
    assert lacking("meta", seen) == []
    assert {call.request.headers["Authorization"] for call in responses.calls} == {
        "Bearer EAAGnorth"
    }
    assert all("EAAG" not in str(call.request.url) for call in responses.calls)


@responses.activate
def test_a_token_that_may_not_ask_for_its_permissions_lacks_none() -> None:
    refused = {"error": {"message": "No", "type": "OAuthException", "code": 100}}
    graph((400, refused), [{"account_id": "11", "name": "A"}])
    assert lacking("meta", visible("meta", "")) == []


def test_what_is_missing_is_said_with_where_to_get_it() -> None:
    (said,) = lacking("meta", Visible([("11", "A")], ["email"]))
    assert said.startswith("The token lacks the permission ads_read. ")
    (said,) = lacking("google", Visible())
    assert said.startswith("It sees no advertising account. ")
    assert "Access and security" in said


def test_a_credential_that_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AccountBroken, match=r"set \w+_META_TOKEN_ELSEWHERE"):
        visible("meta", "ELSEWHERE")


def test_shapes_hold_kinds_and_words_and_nothing_else() -> None:
    answer = {
        "id": "act_123456", "name": "Anna's shop", "spend": "12.50", "clicks": 7, "ctr": 0.5,
        "status": "ACTIVE", "day": "2026-11-28", "on": True, "none": None,
        "2026123456": [1, 2, 3, 4, 5], "actor_name": "MARIA",
        "event_type": "update_campaign_budget",
        "action_type": "Anna's own", "extra_data": '{"old_value":"Active","new_value":7}',
    }  # fmt: skip
    assert blanked(answer) == {
        "id": "text of 10", "name": "text of 11", "spend": "00.00", "clicks": 0, "ctr": 0.0,
        "status": "ACTIVE", "day": "0000-00-00", "on": True, "none": None, "ID": [0, 0, 0],
        "actor_name": "text of 5", "event_type": "update_campaign_budget",
        "action_type": "text of 10",
        "extra_data": {"JSON within": {"old_value": "text of 6", "new_value": 0}},
    }  # fmt: skip


@responses.activate
def test_a_session_notes_paths_without_ids_and_queries() -> None:
    responses.get("https://ads.example/v1/act_1234567/campaigns", json={"data": [{"id": "9"}]})
    shapes = Shapes()
    shapes.session.get("https://ads.example/v1/act_1234567/campaigns?access_token=EAAGsecret")
    (seen,) = shapes.seen
    assert (seen["path"], seen["status"], seen["body"]) == (
        "/v1/act_ID/campaigns", 200, {"data": [{"id": "0"}]})  # fmt: skip
    assert "EAAG" not in json.dumps(shapes.seen)
