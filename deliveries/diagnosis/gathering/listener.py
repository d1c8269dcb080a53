"""The internal HTTP API, asked for a delivery that does not exist."""

import http.client
import json
import socket
import time

from deliveries.conf import Address, Config, TokenScope
from deliveries.database import describe
from deliveries.diagnosis.facts import ListenerFacts

PATH = "/api/v1/internal/deliveries/does-not-exist"
_SECONDS = 3.0
_MOST_BODY = 65_536


def gather_listener(config: Config) -> ListenerFacts:
    """The request of a caller who may operate. Not reached is a fact, not an error."""
    host, port = reachable(config.internal_http_addr)
    here, shown = socket.gethostname(), str(config.internal_http_addr)
    link = http.client.HTTPConnection(host, port, timeout=_SECONDS)
    started = time.perf_counter()
    try:
        link.request("GET", PATH, headers=_headers(config))
        response = link.getresponse()
        body = response.read(_MOST_BODY)
    except (OSError, http.client.HTTPException) as error:
        return ListenerFacts(here, shown, problem=_reason(error))
    finally:
        link.close()
    return ListenerFacts(
        host=here,
        address=shown,
        status=response.status,
        code=_code_in(body),
        latency_ms=(time.perf_counter() - started) * 1000,
    )


def reachable(address: Address) -> tuple[str, int]:
    """Where this host finds a listener: one that listens everywhere is on loopback too."""
    if not address.is_wildcard:
        return address.host, address.port
    return ("::1" if ":" in address.host else "127.0.0.1"), address.port


def _headers(config: Config) -> dict[str, str]:
    names = [name for name in config.allowed_hosts if not name.startswith((".", "*"))]
    headers = {"Accept": "application/json"}
    if names and "*" not in config.allowed_hosts:
        headers["Host"] = names[0]
    operators = [t for t in config.internal_api_tokens if t.scope is TokenScope.OPERATE]
    if operators:
        headers["Authorization"] = f"Bearer {operators[0].token}"
    return headers


def _code_in(body: bytes) -> str:
    try:
        found = json.loads(body)
    except ValueError:
        return ""
    code = found.get("code") if isinstance(found, dict) else None
    return code if isinstance(code, str) else ""


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {_SECONDS:.0f} s"
    return (error.strerror or describe(error)) if isinstance(error, OSError) else describe(error)
