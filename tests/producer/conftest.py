"""The service's own reader, for what the package has put on the stream."""

from datetime import timedelta

import pytest
from django.conf import settings

from deliveries.catalog.catalog import load_catalog
from deliveries.intake.accept import Acceptor
from deliveries.intake.consumer import Consumer
from deliveries.intake.stream import CommandStream


@pytest.fixture
def consumer(redis_client):
    config = settings.MAIL
    catalog = load_catalog(directory=config.template_dir, default_locale=config.default_locale)
    return Consumer(
        stream=CommandStream(
            redis_client,
            name=config.redis_command_stream,
            offset_key=config.redis_offset_key,
            max_payload_bytes=config.max_payload_bytes,
        ),
        acceptor=Acceptor(config=config, catalog=catalog),
        lead=lambda: 1,
        batch_size=500,
        block=timedelta(milliseconds=20),
        retention=None,
        max_payload_bytes=config.max_payload_bytes,
    )
