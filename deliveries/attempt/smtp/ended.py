"""How a dialogue ends early, and what an error of the link is in a report."""

import os
import socket
import ssl
from typing import Any

from deliveries.attempt.smtp.replies import ProtocolError
from deliveries.attempt.smtp.waiting import CutError
from deliveries.outcome.report import Event, Report
from deliveries.states import Phase

LINK_ERRORS = (OSError, ProtocolError, CutError)


class EndedError(Exception):
    """The dialogue is over, and the connection with it; carries what there is to report.

    `unused` says that the connection had gone before it took anything of this message.
    """

    def __init__(self, report: Report, *, unused: bool = False) -> None:
        super().__init__(report.event, report.phase)
        self.report = report
        self.unused = unused


def report_of(error: Exception, *, phase: Phase, **facts: Any) -> Report:
    """What one of LINK_ERRORS means in the phase that was reached. `facts` go into the report."""
    if isinstance(error, CutError):
        # Past the final dot only those who give up waiting cut.
        event = Event.TIMEOUT if facts.get("final_dot_written") else Event.GIVEN_BACK
        return Report(event, phase, **facts)
    if isinstance(error, ProtocolError):
        return Report(Event.PROTOCOL_ERROR, phase, detail=str(error), **facts)
    if isinstance(error, TimeoutError):
        return Report(Event.TIMEOUT, phase, **facts)
    if isinstance(error, socket.gaierror):
        return Report(Event.DNS_FAILED, phase, detail=error.strerror or "", **facts)
    event = Event.CONNECT_FAILED if phase is Phase.CONNECT else Event.CONNECTION_LOST
    return Report(event, phase, detail=reason_of(error), **facts)


def reason_of(error: Exception) -> str:
    """The system's or OpenSSL's own words: no addresses of people."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, ssl.SSLError):
        return (error.reason or "TLS failed").lower().replace("_", " ")
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno).lower()
    return "closed by the relay"
