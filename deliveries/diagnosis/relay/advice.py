"""What to do about each way in which a dialogue with the relay can end. Pure."""

from deliveries.states import FailureCode

_REACH = "Is MAIL_SMTP_ADDR right, does the relay run, and does a firewall let this host through?"

ADVICE = {
    FailureCode.DNS_FAILED: "Look the host of MAIL_SMTP_ADDR up here: getent hosts HOST.",
    FailureCode.CONNECT_FAILED: _REACH,
    FailureCode.GREETING_REFUSED: "The relay turns this host away: ask its operator for the reason"
    " in the reply.",
    FailureCode.EHLO_REFUSED: "The relay refuses the name that this host gives: give the host a"
    " full domain name.",
    FailureCode.STARTTLS_UNAVAILABLE: "Set MAIL_SMTP_TLS=tls if the port speaks TLS from the first"
    " byte (465), else have the relay offer STARTTLS; none is for a relay on this host.",
    FailureCode.TLS_FAILED: "Does MAIL_SMTP_ADDR name the relay as its certificate does, is the"
    " certificate in date, and does MAIL_SMTP_CA_FILE hold its authority?",
    FailureCode.AUTH_FAILED: "Check MAIL_SMTP_USERNAME and MAIL_SMTP_PASSWORD with the relay's"
    " operator; PLAIN or LOGIN must be among the mechanisms it offers.",
    FailureCode.SENDER_REFUSED: "MAIL_SMTP_FROM_EMAIL must be an address that the account may"
    " send from.",
    FailureCode.TIMEOUT: "The relay takes the connection and says nothing in time: ask its"
    " operator; a proxy in between may hold it up.",
    FailureCode.CONNECTION_LOST: "Something closes the connection in the middle: the relay's log"
    " says why; a proxy or a limit on connections may do it.",
    FailureCode.PROTOCOL_ERROR: "What answers there does not speak SMTP as expected: is the port"
    " right, and MAIL_SMTP_TLS for that port?",
}
FALLBACK = "See the reply, and the relay's log."


def advice_for(code: FailureCode | None) -> str:
    return FALLBACK if code is None else ADVICE.get(code, FALLBACK)
