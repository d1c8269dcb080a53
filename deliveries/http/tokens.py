"""Who calls: bearer tokens (RFC 6750), each with a name for the logs and a scope. Pure."""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from deliveries.conf import ApiToken, TokenScope
from deliveries.http.problems import Code, Problem

_SCHEME = "bearer"


@dataclass(frozen=True, slots=True)
class Caller:
    """`name` is None where no tokens are configured, and everyone may do everything."""

    name: str | None
    scope: TokenScope

    def require(self, scope: TokenScope) -> None:
        """Raises Problem(insufficient_scope)."""
        if self.scope is not TokenScope.OPERATE and self.scope is not scope:
            raise Problem(
                Code.INSUFFICIENT_SCOPE,
                f"the token is not of the scope {scope}",
                headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{scope}"'},
            )


ANYONE = Caller(name=None, scope=TokenScope.OPERATE)


class Gate:
    """Tells callers by their tokens, in a time that does not tell which token came close."""

    def __init__(self, tokens: Sequence[ApiToken]) -> None:
        self._known = [(_digest(t.token.encode()), Caller(t.name, t.scope)) for t in tokens]

    def admit(self, authorization: str | None) -> Caller:
        """The caller, by the Authorization header. Raises Problem(invalid_token)."""
        if not self._known:
            return ANYONE
        if authorization is None:
            raise _refused("a bearer token is needed", "Bearer")
        scheme, _, token = authorization.partition(" ")
        caller = self._find(token.strip(" ")) if scheme.lower() == _SCHEME else None
        if caller is None:
            raise _refused("the token is not known", 'Bearer error="invalid_token"')
        return caller

    def _find(self, token: str) -> Caller | None:
        given = _digest(token.encode("utf-8", "surrogatepass"))
        found = None
        for digest, caller in self._known:  # all of them, whichever fits
            if hmac.compare_digest(digest, given):
                found = caller
        return found


def _digest(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()


def _refused(detail: str, challenge: str) -> Problem:
    return Problem(Code.INVALID_TOKEN, detail, headers={"WWW-Authenticate": challenge})
