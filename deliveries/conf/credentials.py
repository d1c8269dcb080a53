"""Readers of secrets: the key of the service, the tokens of the API."""

import re

from deliveries.conf.options import ApiToken, TokenScope
from deliveries.conf.problems import UnreadableError
from deliveries.conf.readers import items

_TOKEN = re.compile(r"([A-Za-z0-9._-]{1,64}):([a-z]+)=([!-+\--~]+)")
_TOKEN_LENGTH = 16
_KEY_LENGTH = 32


def secret_key(value: str) -> bytes:
    if len(value) < _KEY_LENGTH:
        raise UnreadableError(f"is shorter than {_KEY_LENGTH} characters")
    return value.encode()


def api_tokens(value: str) -> tuple[ApiToken, ...]:
    tokens = items(_api_token, maximum=100)(value)
    if len({token.name for token in tokens}) < len(tokens):
        raise UnreadableError("has a name twice: logs could not tell the two apart")
    if len({token.token for token in tokens}) < len(tokens):
        raise UnreadableError("has a token twice, under two names")
    return tokens


def _api_token(value: str) -> ApiToken:
    match = _TOKEN.fullmatch(value)
    if match is None:
        raise UnreadableError("is not name:scope=token, in visible ASCII characters")
    name, scope, token = match.groups()
    if scope not in set(TokenScope):
        raise UnreadableError(f"has a scope that is not one of {', '.join(TokenScope)}")
    if len(token) < _TOKEN_LENGTH:
        raise UnreadableError(f"has a token shorter than {_TOKEN_LENGTH} characters")
    return ApiToken(name=name, scope=TokenScope(scope), token=token)
