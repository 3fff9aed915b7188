"""E-mail: encrypted or not at all, headers of one line, and a dead server delays nobody."""

from __future__ import annotations

import email
import logging
import smtplib
import time
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from autonomy.config import MailServer, Settings
from autonomy.errors import NotConfigured
from autonomy.run.notify import mail
from autonomy.run.notify.channels import send
from autonomy.run.notify.mail import as_mail
from autonomy.run.notify.message import Line, Message
from tests.unit.mail_server import Letters, Manners, certificate, mail_server

NEWS = Message("Autonomous Ops: a run", (Line("•", "Zelte für Kälte", "paused"),), {})


@pytest.fixture(scope="session")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def trusted(pem: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    return pem


def settings(heard: Letters, encryption: str = "none", **server: Any) -> Settings:
    return Settings(
        mail_server=MailServer("localhost", heard.port, encryption, **server),
        mail_from="ops@example.com",
        mail_to=("ann@example.com", "bob@example.com"),
    )


def read(heard: Letters) -> EmailMessage:
    (raw,) = heard.letters
    found = email.message_from_bytes(raw, policy=default)
    assert isinstance(found, EmailMessage)
    return found


def test_the_small_server_is_one_for_smtplib() -> None:
    """What the tests stand on: the library's own client is content with it."""
    with mail_server(Manners()) as heard, smtplib.SMTP("localhost", heard.port) as client:
        code, _ = client.ehlo()
        assert code == 250
        assert client.has_extn("starttls")
        assert client.sendmail("a@example.com", ["b@example.com"], "..a\r\n.\r\nb") == {}
        assert heard.letters == [b"..a\r\n.\r\nb\r\n"]


@pytest.mark.parametrize("encryption", ["tls", "starttls"])
def test_signed_in_and_encrypted(trusted: Path, encryption: str) -> None:
    manners = Manners(tls=encryption == "tls", certificate=trusted)
    with mail_server(manners) as heard:
        how = settings(heard, encryption, user="ops", password="p:ss")
        assert send(how, "email", NEWS, delays=()) == "sent"
    assert heard.signed_in == ["ops p:ss True"]
    assert heard.receivers == ["ann@example.com", "bob@example.com"]
    letter = read(heard)
    assert letter["Subject"] == "Autonomous Ops: a run"
    assert letter["From"] == "ops@example.com"
    assert letter["To"] == "ann@example.com, bob@example.com"
    assert letter.get_content_type() == "text/plain"
    assert "Zelte für Kälte: paused" in letter.get_content()


def test_a_relay_without_encryption() -> None:
    with mail_server(Manners()) as heard:
        assert send(settings(heard), "email", NEWS, delays=()) == "sent"
    assert len(heard.letters) == 1


def test_never_without_the_encryption_that_was_asked_for(pem: Path) -> None:
    """The server offers none, or is not who it should be: no word of the password or the letter."""
    for manners in (Manners(starttls=False), Manners(certificate=pem)):
        with mail_server(manners) as heard:
            how = settings(heard, "starttls", user="ops", password="secret")
            outcome = send(how, "email", NEWS, sleep=lambda _: pytest.fail("no retry"))
        assert outcome == "refused"
        assert (heard.signed_in, heard.letters) == ([], [])


@pytest.mark.parametrize(
    "title",
    [
        "Tents\r\nBcc: eve@example.com",
        "Tents\nBcc: eve@example.com\n\nA body",
        "Tents\u2028Bcc: eve@example.com",
        "Tents\x0bBcc: eve@example.com",
        "Tents\rBcc: eve@example.com",
        "Zelte für Kälte, Größe ß 帐篷 " * 20,
        "=?utf-8?q?Bcc=3A?= eve",
        "",
    ],
)
def test_no_title_writes_a_header(title: str) -> None:
    news = Message(f"Autonomous Ops: {title}", (Line("•", title, title),), {})
    with mail_server(Manners()) as heard:
        assert send(settings(heard), "email", news, delays=()) == "sent"
    letter = read(heard)
    assert set(letter.keys()) == {
        "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "Content-Type",
        "Content-Transfer-Encoding", "MIME-Version",
    }  # fmt: skip
    assert heard.receivers == ["ann@example.com", "bob@example.com"]
    assert "\n" not in letter["Subject"]
    assert len(letter["Subject"]) <= mail.LONGEST_SUBJECT
    (raw,) = heard.letters
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998


def test_titles_arrive_as_they_are() -> None:
    title = "Zelte für Kälte 帐篷"
    letter = as_mail(settings(Letters()), Message(f"Ops: {title}", (Line("•", title),), {}))
    again = email.message_from_bytes(letter.as_bytes(), policy=default)
    assert again["Subject"] == f"Ops: {title}"
    assert isinstance(again, EmailMessage)
    assert again.get_content().strip() == title


@pytest.mark.parametrize(
    ("refuses", "outcome", "tries"),
    [
        (("MAIL", "550 not you"), "refused", 1),
        (("MAIL", "451 later"), "unavailable", 4),
        (("RCPT", "550 nobody"), "refused", 1),
        (("RCPT", "450 later"), "unavailable", 4),
        (("DATA", "554 no"), "refused", 1),
        (("RCPT TO:<BOB", "550 nobody"), "sent", 1),
    ],
)
def test_what_a_server_says(refuses: tuple[str, str], outcome: str, tries: int) -> None:
    with mail_server(Manners(refuses=(refuses,))) as heard:
        assert send(settings(heard), "email", NEWS, sleep=lambda _: None) == outcome
    assert len([line for line in heard.said if line.startswith("mail FROM")]) == tries


def test_a_wrong_password_is_final(trusted: Path) -> None:
    manners = Manners(certificate=trusted, refuses=(("AUTH", "535 no"),))
    with mail_server(manners) as heard:
        how = settings(heard, "starttls", user="ops", password="wrong")
        assert send(how, "email", NEWS, sleep=lambda _: pytest.fail("no retry")) == "refused"


def test_a_dead_server_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "TIMEOUT_SECONDS", 0.2)
    started = time.monotonic()
    with mail_server(Manners(silent=True)) as heard:
        assert send(settings(heard), "email", NEWS, sleep=lambda _: None) == "unreachable"
    assert send(settings(Letters(port=1)), "email", NEWS, sleep=lambda _: None) == "unreachable"
    assert time.monotonic() - started < 5


def test_no_log_line_names_the_server_or_the_password(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("autonomy").propagate = True
    with mail_server(Manners(refuses=(("MAIL", "550 secret ops@example.com"),))) as heard:
        how = settings(heard, user="SECRETUSER", password="SECRETWORD")
        with caplog.at_level(logging.DEBUG):
            send(how, "email", NEWS, delays=())
    assert caplog.records
    for word in ("SECRETWORD", "localhost", "example.com"):
        assert word not in caplog.text
    assert "SECRETWORD" not in repr(how)


GOOD = {
    "AUTONOMY_SMTP_URL": "smtps://ops%40example.com:p%3Ass%2F@smtp.example.com",
    "AUTONOMY_MAIL_FROM": "ops@example.com",
    "AUTONOMY_MAIL_TO": "ann@example.com, bob@example.com,",
}


def test_settings_of_mail() -> None:
    found = Settings.from_env(GOOD)
    assert found.mail_server == MailServer(
        "smtp.example.com", 465, "tls", "ops@example.com", "p:ss/"
    )
    assert found.mail_to == ("ann@example.com", "bob@example.com")
    assert found.channels == ("email",)
    assert "p:ss/" not in repr(found)
    assert Settings.from_env({}).channels == ()
    more = {"AUTONOMY_SMTP_URL": "smtp://smtp.example.com:2525"}
    assert Settings.from_env(GOOD | more).mail_server == MailServer(
        "smtp.example.com", 2525, "starttls"
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AUTONOMY_SMTP_URL", "smtp.example.com"),
        ("AUTONOMY_SMTP_URL", "https://smtp.example.com"),
        ("AUTONOMY_SMTP_URL", "smtps://"),
        ("AUTONOMY_SMTP_URL", "smtps://u:SECRETWORD@smtp.example.com:99999"),
        ("AUTONOMY_SMTP_URL", "smtps://u:SECRETWORD@smtp.example.com:0"),
        ("AUTONOMY_SMTP_URL", "smtps://u:SECRETWORD@smtp.example.com:mail"),
        ("AUTONOMY_SMTP_URL", "smtps://u:SECRET/WORD@smtp.example.com"),
        ("AUTONOMY_SMTP_URL", "smtps://u@smtp.example.com"),
        ("AUTONOMY_SMTP_URL", "smtps://:SECRETWORD@smtp.example.com"),
        ("AUTONOMY_SMTP_URL", "smtp+plain://u:SECRETWORD@smtp.example.com"),
        ("AUTONOMY_SMTP_URL", "smtps://u:SECRETWORD@smtp.example.com/path"),
        ("AUTONOMY_SMTP_URL", "smtps://[::1"),
        ("AUTONOMY_SMTP_URL", "smtps://u:SECRETWÖRD@smtp.example.com"),
        ("AUTONOMY_SMTP_URL", "smtps://u:SECRET%C3%B6@smtp.example.com"),
        ("AUTONOMY_SMTP_URL", ""),
        ("AUTONOMY_MAIL_FROM", ""),
        ("AUTONOMY_MAIL_FROM", "ops"),
        ("AUTONOMY_MAIL_FROM", "a@example.com,b@example.com"),
        ("AUTONOMY_MAIL_FROM", "ops@example.com\nBcc: eve@example.com"),
        ("AUTONOMY_MAIL_FROM", "Ops <ops@example.com>"),
        ("AUTONOMY_MAIL_TO", ""),
        ("AUTONOMY_MAIL_TO", "ann@example.com;bob@example.com"),
        ("AUTONOMY_MAIL_TO", "änn@example.com"),
    ],
)
def test_wrong_settings_of_mail(name: str, value: str) -> None:
    with pytest.raises(NotConfigured) as wrong:
        Settings.from_env(GOOD | {name: value})
    assert name in wrong.value.message
    assert "SECRET" not in wrong.value.message + wrong.value.hint
