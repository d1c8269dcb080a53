"""The paths of the internal API, under `/api/v1/internal/`."""

from django.urls import path

from deliveries.conf import TokenScope
from deliveries.http.endpoints import Operation, endpoint
from deliveries.http.login_codes import accept_login_code
from deliveries.http.reads import (
    show_attempts,
    show_dead_letters,
    show_deliveries,
    show_delivery,
    show_malformed_commands,
)
from deliveries.http.resends import resend_delivery

urlpatterns = [
    path(
        "login-code-deliveries",
        endpoint(POST=Operation(accept_login_code, scope=TokenScope.SUBMIT)),
    ),
    path("deliveries", endpoint(GET=Operation(show_deliveries))),
    path("deliveries/<str:delivery_id>", endpoint(GET=Operation(show_delivery))),
    path("deliveries/<str:delivery_id>/attempts", endpoint(GET=Operation(show_attempts))),
    path("deliveries/<str:delivery_id>/resend", endpoint(POST=Operation(resend_delivery))),
    path("dead-letters", endpoint(GET=Operation(show_dead_letters))),
    path("malformed-commands", endpoint(GET=Operation(show_malformed_commands))),
]
