"""The wire: routes, bodies and headers of the HTTP API, and what they become inside."""
