"""What the bench sends: the same message as a command on the stream and as bytes for smtplib."""

import json
import time
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP as CRLF
from email.utils import formatdate, make_msgid

SENDER = "service@example.com"
COMMAND_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Mail:
    """One message: what the command says, and what smtplib sends."""

    number: int

    @property
    def recipient(self) -> str:
        return f"reader-{self.number}@example.org"

    def payload(self) -> dict[str, object]:
        """A rendered command's payload, COMMAND_BYTES long as JSON."""
        made: dict[str, object] = {
            "to": [self.recipient],
            "subject": f"Report {self.number}",
            "text_body": _prose(1200),
            "html_body": "",
        }
        envelope = "<!doctype html>\n<html><body><p>{}</p></body></html>\n"
        made["html_body"] = envelope.format("")
        left = COMMAND_BYTES - len(json.dumps(made))
        # a line's end takes two bytes in JSON; the filling is shortened to fit
        filling = _prose(left)
        while len(json.dumps(filling)) - 2 > left:
            filling = filling[:-1]
        made["html_body"] = envelope.format(filling)
        return made

    def entry(self) -> dict[str, str]:
        """The fields of the stream entry."""
        return {
            "delivery_id": f"bench-{self.number}",
            "source": "notification",
            "payload_mode": "rendered",
            "idempotency_key": f"bench:{self.number}",
            "requested_at_ms": str(time.time_ns() // 1_000_000),
            "payload_json": json.dumps(self.payload()),
        }

    def message(self) -> bytes:
        """The message for smtplib, made beforehand: only its sending is timed."""
        payload = self.payload()
        message = EmailMessage(policy=CRLF)
        message["From"], message["To"] = SENDER, self.recipient
        message["Subject"] = str(payload["subject"])
        message["Date"], message["Message-ID"] = formatdate(), make_msgid(domain="example.com")
        message.set_content(str(payload["text_body"]))
        message.add_alternative(str(payload["html_body"]), subtype="html")
        return message.as_bytes()


def _prose(length: int) -> str:
    words = "The figures of this week are in the table below, as in every other week.\n"
    return (words * (length // len(words) + 1))[:length]
