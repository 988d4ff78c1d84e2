"""Headers that every answer carries: security, and CORS for the origins of CORS_ORIGINS alone."""

from __future__ import annotations

from flask import Flask, Response, request

from core.settings import Settings

_SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
_CORS = {
    "Access-Control-Allow-Methods": "GET, POST, PUT, DELETE",
    "Access-Control-Allow-Headers": "Authorization, X-API-Key, Content-Type, Idempotency-Key, Prefer, X-Request-ID",
    "Access-Control-Expose-Headers": "Location, Retry-After, X-Request-ID, Preference-Applied, Idempotent-Replayed",
    "Access-Control-Max-Age": "600",
}


def install(app: Flask, settings: Settings) -> None:
    """Set the headers after each request; a view's own headers stay."""

    def add(response: Response) -> Response:
        for name, value in _SECURITY.items():
            response.headers.setdefault(name, value)
        if settings.cors_origins:
            response.vary.add("Origin")
            origin = request.headers.get("Origin")
            if origin and (origin in settings.cors_origins or "*" in settings.cors_origins):
                response.headers["Access-Control-Allow-Origin"] = origin
                response.headers.update(_CORS)
        return response

    app.after_request(add)
