"""Notices as electronic mail: plain text in UTF-8, over TLS, the same bytes in every attempt."""

import ssl
from dataclasses import dataclass
from email.headerregistry import Address as MailAddress
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import getaddresses
from pathlib import Path

import aiosmtplib
from aiosmtplib.errors import SMTPDataError, SMTPException, SMTPRecipientRefused, SMTPRecipientsRefused

from controller.notices.port import WITHIN_S, Letter, Mailbox, NoticeNotDelivered, NoticeRefused
from controller.runtime.settings import MailSecurity, Settings, SettingsInvalid

_FOR_GOOD = 500
_FRAME = {
    "vi": ("Mở xem", "Thư do hệ thống truyền thanh gửi tự động cho {name}. Xin đừng trả lời thư này."),
    "en": ("Open", "Sent automatically by the broadcasting system to {name}. Please do not answer."),
}


@dataclass(frozen=True, slots=True)
class MailServer:
    """How the mail server is reached, and as whom."""

    host: str
    port: int
    security: MailSecurity
    user: str | None
    password: str | None
    sender: MailAddress
    tls: ssl.SSLContext


def server_of(settings: Settings, tls: ssl.SSLContext) -> MailServer | None:
    """The mail server of the settings, if there is one.

    Raises:
        SettingsInvalid: it has no usable sender, or its password would travel in the clear.
    """
    if settings.smtp_host is None:
        return None
    try:
        [(name, address)] = getaddresses([settings.mail_from or ""])
        sender = MailAddress(name, addr_spec=address)
    except (ValueError, IndexError):
        raise SettingsInvalid(f"mail_from “{settings.mail_from}” is no mail address; write loa@example.vn") from None
    if not sender.username or not sender.domain:
        raise SettingsInvalid("smtp_host is set, and mail_from is missing: who do mails come from?")
    if settings.smtp_security is MailSecurity.NONE and settings.smtp_password_file and not _here(settings.smtp_host):
        raise SettingsInvalid("smtp_security=none would send the password in the clear; use starttls or tls")
    return MailServer(
        host=settings.smtp_host,
        port=settings.smtp_port,
        security=settings.smtp_security,
        user=settings.smtp_user,
        password=_password(settings.smtp_password_file),
        sender=sender,
        tls=tls,
    )


def write(letter: Letter, to: Mailbox, sender: MailAddress, link: str | None) -> EmailMessage:
    """The message; nothing in it depends on when it is sent."""
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = MailAddress(letter.name, addr_spec=to.email)
    message["Subject"] = letter.subject
    message["Date"] = letter.at
    message["Message-ID"] = f"<{letter.id}@{sender.domain}>"
    message["X-Loa-Notice"] = letter.id
    message["Auto-Submitted"] = "auto-generated"
    message["Content-Language"] = language = letter.language if letter.language in _FRAME else "vi"
    open_it, why = _FRAME[language]
    parts = [letter.text.strip(), f"{open_it}: {link}" if link else "", "-- \n" + why.format(name=letter.name)]
    message.set_content("\n\n".join(filter(None, parts)) + "\n", charset="utf-8")
    return message


async def send(server: MailServer, letter: Letter, to: Mailbox, link: str | None) -> None:
    """Hand a message over to the mail server.

    Raises:
        NoticeRefused: the server does not take it for this address.
        NoticeNotDelivered: anything else; our password and our name as a sender are mended, not the message.
    """
    try:
        await aiosmtplib.send(
            write(letter, to, server.sender, link),
            sender=server.sender.addr_spec,
            recipients=[to.email],
            hostname=server.host,
            port=server.port,
            username=server.user,
            password=server.password,
            local_hostname=server.sender.domain,
            timeout=WITHIN_S / 2,
            use_tls=server.security is MailSecurity.TLS,
            start_tls=server.security is MailSecurity.STARTTLS,
            tls_context=None if server.security is MailSecurity.NONE else server.tls,
        )
    except (SMTPRecipientsRefused, SMTPRecipientRefused, SMTPDataError) as error:
        code, said = _answer(error)
        fault = NoticeRefused if code >= _FOR_GOOD else NoticeNotDelivered
        raise fault(f"the mail server {server.host} answered {code} {said} for a mail to {letter.person_id}") from error
    except (SMTPException, OSError, ValueError) as error:
        raise NoticeNotDelivered(f"the mail server {server.host}:{server.port}: {error}; look at LOA_SMTP_…") from error


def _answer(error: SMTPRecipientsRefused | SMTPRecipientRefused | SMTPDataError) -> tuple[int, str]:
    one = error.recipients[0] if isinstance(error, SMTPRecipientsRefused) else error
    return one.code, one.message


def _here(host: str) -> bool:
    return host in {"localhost", "127.0.0.1", "::1"}


def _password(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        return path.read_text().splitlines()[0]
    except (OSError, IndexError, UnicodeDecodeError) as error:
        raise SettingsInvalid(f"smtp_password_file {path}: {error}") from error
