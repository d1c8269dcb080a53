"""The Django project around `deliveries`: settings, routes, the embedded default."""
