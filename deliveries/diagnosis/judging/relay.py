"""The relay as it is now. Pure."""

from datetime import UTC, datetime, timedelta

from deliveries.conf import Config, TlsMode
from deliveries.diagnosis.finding import Verdict, failed, ok, warning
from deliveries.diagnosis.judging.wording import lasting
from deliveries.diagnosis.relay.advice import advice_for
from deliveries.diagnosis.relay.probe import Probe
from deliveries.diagnosis.relay.showing import expiry_of
from deliveries.outcome.report import Event
from deliveries.states import Phase

_RENEWAL = timedelta(days=14)
_BEFORE_TLS = frozenset({Phase.CONNECT, Phase.GREETING, Phase.EHLO})
_STUB = "stub mode: there is no relay"


def relay_reached(_config: Config, seen: Probe | None) -> Verdict:
    if seen is None:
        return ok(_STUB)
    ended = seen.ended
    early = ended is not None and ended.phase in _BEFORE_TLS
    if ended is not None and early and ended.event is not Event.TLS_FAILED:
        return failed(seen.problem, advice_for(seen.failure_code))
    greeting = seen.greeting.summary if seen.greeting else "TLS before the greeting failed"
    return ok(f"{seen.peer}: {greeting}, {lasting(seen.total_ms / 1000)} in all")


def relay_encrypted(config: Config, seen: Probe | None) -> Verdict:
    if seen is None:
        return ok(_STUB)
    ended = seen.ended
    if ended is not None and (ended.event is Event.TLS_FAILED or ended.phase is Phase.STARTTLS):
        return failed(seen.problem, advice_for(seen.failure_code))
    if seen.encryption is None:
        return _unencrypted(config, seen)
    found, until = seen.encryption, expiry_of(seen.encryption.not_after)
    told = f"{found.version}, {found.cipher}, certificate until {found.not_after}"
    if until is not None and until - datetime.now(UTC) < _RENEWAL:
        return warning(told, "Have the relay's certificate renewed: past its end nothing is sent.")
    return ok(told)


def _unencrypted(config: Config, seen: Probe) -> Verdict:
    if config.smtp_tls is not TlsMode.NONE:
        told = warning("the dialogue did not get that far", "See relay.reached first.")
        return told.under("The relay is away")
    if config.smtp_addr is not None and config.smtp_addr.is_loopback:
        return ok("none, to a relay on this host")
    offered = " though the relay offers STARTTLS" if "STARTTLS" in seen.keywords else ""
    return warning(f"none{offered}", "Set MAIL_SMTP_TLS=starttls: mail goes in the clear.")


def relay_login(config: Config, seen: Probe | None) -> Verdict:
    if seen is None:
        return ok(_STUB)
    offered = f"{', '.join(seen.mechanisms) or 'no mechanism'} offered"
    if seen.ended is not None:
        if seen.ended.phase is Phase.AUTH:
            return failed(f"{seen.problem}; {offered}", advice_for(seen.failure_code))
        told = warning(
            "the dialogue did not get that far", "See relay.reached and relay.encrypted first."
        )
        is_tls = seen.ended.event is Event.TLS_FAILED or seen.ended.phase is Phase.STARTTLS
        return told.under("No TLS to the relay" if is_tls else "The relay is away")
    if not config.smtp_username:
        return ok(f"no account is configured; {offered}")
    return ok(f"accepted: {seen.login.summary if seen.login else ''}; {offered}")
