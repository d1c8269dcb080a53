from deliveries.attempt.pace import Pace


def finished_at(rate, *, seconds, senders=16):
    pace = Pace(senders=senders)
    for step in range(int(seconds * 20) + 1):
        pace.note(finished=rate // 20, now=step / 20)
    return pace.ahead


def test_starts_with_one_a_sender():
    assert Pace(senders=16).ahead == 16


def test_a_slow_relay_gets_no_more():
    assert finished_at(20, seconds=10) == 16


def test_a_fast_relay_gets_a_tenth_of_a_second():
    assert 180 <= finished_at(2000, seconds=10) <= 220


def test_there_is_a_most():
    assert finished_at(100_000, seconds=10) == 256
