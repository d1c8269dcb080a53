"""The configuration: everything that the service reads from its environment, and nowhere else."""

from deliveries.conf.config import Config
from deliveries.conf.loading import load, unknown_variables
from deliveries.conf.options import (
    Address,
    ApiToken,
    Exporter,
    LogFormat,
    LogLevel,
    OtlpProtocol,
    Sampler,
    SmtpMode,
    TlsMode,
    TokenScope,
    UnknownOutcome,
)
from deliveries.conf.problems import ConfigurationError, Problem
from deliveries.conf.reply_rules import ReplyRule, RuleOutcome

__all__ = [
    "Address",
    "ApiToken",
    "Config",
    "ConfigurationError",
    "Exporter",
    "LogFormat",
    "LogLevel",
    "OtlpProtocol",
    "Problem",
    "ReplyRule",
    "RuleOutcome",
    "Sampler",
    "SmtpMode",
    "TlsMode",
    "TokenScope",
    "UnknownOutcome",
    "load",
    "unknown_variables",
]
