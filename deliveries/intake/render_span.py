"""What telemetry is told of the rendering of one template."""

import time
from typing import Self

from deliveries.catalog.catalog import RenderFailed, VariableMissing
from deliveries.intake.rejection import RejectionCode
from deliveries.telemetry.spans import record_rendering
from deliveries.transitions.creation import NewDelivery

_CODES = {
    VariableMissing: RejectionCode.TEMPLATE_VARIABLE_MISSING,
    RenderFailed: RejectionCode.TEMPLATE_RENDER_FAILED,
}


class RenderSpan:
    """A span around the rendering, under the trace of the delivery that it is for."""

    def __init__(self, delivery: NewDelivery, template_id: str, locale_used: str) -> None:
        self._delivery = delivery
        self._template_id = template_id
        self._locale_used = locale_used

    def __enter__(self) -> Self:
        self._began = time.time_ns()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        record_rendering(
            delivery_id=self._delivery.delivery_id,
            template_id=self._template_id,
            locale_used=self._locale_used,
            failure_code=_CODES.get(kind) if kind else None,
            traceparent=self._delivery.traceparent,
            tracestate=self._delivery.tracestate,
            began=self._began,
        )
