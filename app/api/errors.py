"""Turn the desk's errors into HTTP answers: one sentence and a stable code, never a traceback."""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from psycopg import DataError
from starlette.exceptions import HTTPException

from core import errors

_log = logging.getLogger(__name__)
_STATUS: tuple[tuple[type[errors.QuantdeskError], int], ...] = (
    (errors.NotSignedIn, 401),
    (errors.ApprovalRefused, 403),
    (errors.TradingHalted, 409),
    (errors.Refused, 403),
    (errors.UnknownName, 404),
    (errors.NoData, 404),
    (errors.InvalidInput, 422),
    (errors.UserError, 400),
    (errors.BudgetExceeded, 429),
    (errors.VendorError, 502),
    (errors.OutcomeUnknown, 502),
    (errors.Unavailable, 503),
)


def status_of(error: errors.QuantdeskError) -> int:
    """Return the HTTP status of an error of the desk."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def error_body(code: str, message: str) -> dict[str, dict[str, str]]:
    """Return the one form in which every error is told."""
    return {"error": {"code": code, "message": message}}


def add_error_handlers(app: FastAPI) -> None:
    """Answer every error of the API in the one form."""
    app.add_exception_handler(errors.QuantdeskError, _desk_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(DataError, _data_error)
    app.add_exception_handler(Exception, _unexpected)


async def _desk_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, errors.QuantdeskError), "registered for this class"
    headers = {"WWW-Authenticate": "Bearer"} if isinstance(error, errors.NotSignedIn) else None
    return JSONResponse(error_body(error.code, str(error)), status_of(error), headers=headers)


async def _validation_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError), "registered for this class"
    problems = "; ".join(
        f"{'.'.join(str(part) for part in item['loc'] if part != 'body') or 'body'}: {item['msg']}"
        for item in error.errors()
    )
    return JSONResponse(error_body("invalid_input", f"The request does not fit: {problems}."), 422)


async def _http_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException), "registered for this class"
    return JSONResponse(error_body("http", str(error.detail)), error.status_code, headers=error.headers)


async def _data_error(_: Request, error: Exception) -> JSONResponse:
    # The database cannot hold every text: NUL, for example.
    return JSONResponse(error_body("invalid_input", "A text holds characters that cannot be stored."), 422)


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    _log.error("unexpected error at %s", request.url.path, exc_info=error)
    sentence = "Something unexpected went wrong; the details are in the desk's log."
    return JSONResponse(error_body("internal", sentence), 500)
