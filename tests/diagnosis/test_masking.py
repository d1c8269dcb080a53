"""Provider summaries lose what differs from mail to mail, and what is personal."""

import pytest

from deliveries.diagnosis.masking import mask


@pytest.mark.parametrize(
    ("summary", "masked"),
    [
        ("451 4.3.0 later", "451 4.3.0 later"),
        ("550 5.1.1 <ada@example.org>: unknown", "550 5.1.1 <<address>>: unknown"),
        ("550 5.1.1 ada@example.org is gone", "550 5.1.1 <address> is gone"),
        ("451 4.3.0 queue id 4BxY2k9QzZ full", "451 4.3.0 queue id # full"),
        ("421 try in 3600 seconds", "421 try in # seconds"),
        ("454 4.7.0 code 123456", "454 4.7.0 code #"),
        ("550 line\nbreak", "550 line break"),
        ("", ""),
    ],
)
def test_mask(summary, masked):
    assert mask(summary) == masked


def test_is_cut():
    assert len(mask("x " * 400)) == 121
