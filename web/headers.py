"""Headers that every answer carries: security, and CORS for the origins of CORS_ORIGINS alone."""

from __future__ import annotations

from flask import Flask, Response, request

from core.settings import Settings

_SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer: a browser would then hide from our own forms' checks that they are ours.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
_CORS = {
    "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE",
    "Access-Control-Allow-Headers": "Authorization, X-API-Key, Content-Type, Idempotency-Key, Prefer, X-Request-ID, "
    "If-None-Match",
    "Access-Control-Expose-Headers": "Location, Retry-After, X-Request-ID, Preference-Applied, Idempotent-Replayed, "
    "ETag, RateLimit, RateLimit-Policy",
    "Access-Control-Max-Age": "600",
}


def headers_of(settings: Settings, origin: str | None) -> dict[str, str]:
    """What an answer carries to a page of this origin, or to whatever is no page."""
    if not settings.cors_origins:
        return dict(_SECURITY)
    headers = {**_SECURITY, "Vary": "Origin"}
    if origin and (origin in settings.cors_origins or "*" in settings.cors_origins):
        headers |= {"Access-Control-Allow-Origin": origin, **_CORS}
    return headers


def install(app: Flask, settings: Settings) -> None:
    """Set the headers after each request; a view's own headers stay."""

    def add(response: Response) -> Response:
        headers = headers_of(settings, request.headers.get("Origin"))
        if "Vary" in headers:
            response.vary.add(headers.pop("Vary"))
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        return response

    app.after_request(add)
