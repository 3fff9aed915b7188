"""E-mail by the installation's own server: plain text, one message to all receivers."""

from __future__ import annotations

import logging
import smtplib
import ssl
from collections.abc import Callable
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid

from autonomy.config import MailServer, Settings
from autonomy.logs import say
from autonomy.run.notify.message import Message, one_line, plain_text

TIMEOUT_SECONDS = 10.0
"""For each step of the conversation."""
LONGEST_SUBJECT = 150


def send_mail(settings: Settings, message: Message) -> Callable[[], str]:
    """One try to hand it in, which says what came of it: `sent`, `refused`, ..."""
    letter = as_mail(settings, message)

    def attempt() -> str:
        server = settings.mail_server
        if server is None:
            return "refused"
        try:
            _hand_in(server, letter)
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            return _outcome(max(codes, default=550))
        except smtplib.SMTPResponseException as error:
            return _outcome(error.smtp_code)
        except (smtplib.SMTPNotSupportedError, ssl.SSLCertVerificationError):
            return "refused"  # no encryption, or not by who it should be: never without
        except (smtplib.SMTPException, OSError):
            return "unreachable"
        return "sent"

    return attempt


def as_mail(settings: Settings, message: Message) -> EmailMessage:
    """The letter. Its headers are one line each, whatever a campaign is called."""
    letter = EmailMessage(policy=SMTP)
    letter["From"] = settings.mail_from
    letter["To"] = ", ".join(settings.mail_to)
    letter["Subject"] = one_line(message.subject, LONGEST_SUBJECT)
    letter["Date"] = formatdate()
    letter["Message-ID"] = make_msgid(domain=settings.mail_from.rpartition("@")[2])
    letter["Auto-Submitted"] = "auto-generated"
    letter.set_content(plain_text(message), charset="utf-8")
    return letter


def _hand_in(server: MailServer, letter: EmailMessage) -> None:
    me = str(letter["From"]).rpartition("@")[2]  # smtplib would ask the name service who we are
    context = ssl.create_default_context()
    with _connected(server, me, context) as connection:
        if server.encryption == "starttls":
            connection.starttls(context=context)
        if server.user:
            connection.login(server.user, server.password)
        refused = connection.send_message(letter)
    if refused:
        say("e-mail refused for some", level=logging.WARNING, receivers=len(refused))


def _connected(server: MailServer, me: str, context: ssl.SSLContext) -> smtplib.SMTP:
    if server.encryption == "tls":
        return smtplib.SMTP_SSL(
            server.host, server.port, me, timeout=TIMEOUT_SECONDS, context=context
        )
    return smtplib.SMTP(server.host, server.port, me, timeout=TIMEOUT_SECONDS)


def _outcome(code: int) -> str:
    """4xx is for now, 5xx for good."""
    return "unavailable" if 400 <= code < 500 else "refused"
