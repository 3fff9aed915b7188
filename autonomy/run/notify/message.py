"""What is sent, before any channel has dressed it: lines with a mark, a title, a text, a link."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

LONGEST_TITLE = 80
LONGEST_TEXT = 300


class Line(NamedTuple):
    """One line. What comes from campaigns, rules and people is cleaned where it is rendered."""

    mark: str
    """Slack's name of a picture, or a bullet; plain text has none."""
    title: str
    text: str = ""
    details: tuple[str, ...] = ()
    link: tuple[str, str] | None = None
    """What it says, and the address."""
    account_link: tuple[str, str] | None = None
    """The page of the account that it is about."""

    @property
    def links(self) -> list[tuple[str, str]]:
        """Each once."""
        return [one for one in dict.fromkeys((self.link, self.account_link)) if one]


class Message(NamedTuple):
    """The same news for every channel."""

    subject: str
    lines: tuple[Line, ...]
    body: Mapping[str, Any]
    """What the generic webhook gets."""


def slack_text(message: Message) -> str:
    """Slack's markup, in which no title can call anybody or lead anywhere."""
    return "\n".join(_in_slack(line) for line in message.lines)


def plain_text(message: Message) -> str:
    """The text of an e-mail."""
    return "\n\n".join("\n".join(_plainly(line)) for line in message.lines) + "\n"


def one_line(value: Any, longest: int) -> str:
    """Text without line breaks and control characters, cut to a length."""
    text = " ".join(str("" if value is None else value).split())
    text = "".join(character for character in text if character.isprintable())
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _in_slack(line: Line) -> str:
    said = [line.mark, f"*{_quiet(line.title, LONGEST_TITLE)}*"] if line.mark else []
    said = said or [f"*{_quiet(line.title, LONGEST_TITLE)}*"]
    text = " ".join(said) + (f": {_quiet(line.text, LONGEST_TEXT)}" if line.text else "")
    text += "".join(f"\n    {_quiet(detail, LONGEST_TEXT)}" for detail in line.details)
    for label, address in line.links:
        text += f" <{_escaped(address).replace('|', '%7C')}|{_quiet(label, LONGEST_TITLE)}>"
    return text


def _plainly(line: Line) -> list[str]:
    title = one_line(line.title, LONGEST_TITLE)
    said = [f"{title}: {one_line(line.text, LONGEST_TEXT)}" if line.text else title]
    said += [f"  {one_line(detail, LONGEST_TEXT)}" for detail in line.details]
    return said + [f"  {label}: {address}" for label, address in line.links]


def _quiet(value: Any, longest: int) -> str:
    text = _escaped(one_line(value, longest))
    return text.replace("*", "∗").replace("`", "´")  # noqa: RUF001 - looks alike, is no markup


def _escaped(text: str) -> str:
    for character, escaped in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(character, escaped)
    return text
