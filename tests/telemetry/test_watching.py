"""The collector by hand: what it shows of what it gets."""

from tests.collector.__main__ import make_parser, moved


def test_what_has_moved_is_shown_and_what_has_gone():
    before = {"mail.delivery.sent": 1.0, "mail.stream_commands.lag": 4.0}
    assert moved({}, before) == ["mail.delivery.sent 1", "mail.stream_commands.lag 4"]
    assert moved(before, before) == []
    assert moved(before, {"mail.delivery.sent": 1200.0, "mail.delivery.partial": 0.0}) == [
        "mail.delivery.sent 1,200",
        "mail.stream_commands.lag is absent",
    ]


def test_it_listens_where_exporters_look_first():
    assert make_parser().parse_args([]).port == 4318
