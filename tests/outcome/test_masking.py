"""What stays of a relay's reply to a login code."""

import pytest

from deliveries.outcome.masking import mask_reply


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("550 5.1.1 <ada@example.org> unknown", "550 5.1.1 <***> unknown"),
        ("550 5.1.1 ada@example.org: unknown", "550 5.1.1 *** unknown"),
        ("451 code 123456 refused", "451 code *** refused"),
        ("451 code 12-34-56 refused", "451 code ***-***-*** refused"),
        ("451 4.7.1 try 3 of 345", "451 4.7.1 try 3 of ***"),
        ("123456 is spam", "*** is spam"),
        ("550", "550"),
        ("certificate has expired", "certificate has expired"),
    ],
)
def test_codes_stay_and_digits_and_addresses_go(text, masked):
    assert mask_reply(text) == masked
