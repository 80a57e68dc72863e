"""Serve every kind of record of the registry: list and get for all, create, change and delete for what users own."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, create_model
from starlette.concurrency import run_in_threadpool

from app.api.tools import desk_of, parts_of
from app.auth.accounts import require_scope
from app.auth.web import Caller
from core.data.owned import change_owned, create_owned, input_fields, remove_owned
from core.domain.as_of import AsOf
from core.domain.principal import Principal
from core.domain.records import Record, day_field, record_kinds, scalar_of
from core.errors import InvalidInput, Refused, UnknownName
from core.ports.record_store import MOST_ROWS, RecordQuery

_LONG_TEXTS = frozenset({"headline", "summary", "description", "note", "reason", "digest", "url", "explanation"})


def records_router() -> APIRouter:
    """Return the routes of every kind of record."""
    router = APIRouter(prefix="/api/records", tags=["records"])

    @router.get("")
    def list_kinds(principal: Caller) -> list[dict[str, Any]]:
        """List the kinds of record with label, key and JSON Schema."""
        require_scope(principal, "read")
        return [
            {
                "kind": record.kind,
                "label": record.label,
                "key": list(record.key),
                "owned": record.owned_by is not None,
                "schema": record.model_json_schema(),
            }
            for record in record_kinds()
        ]

    for record in record_kinds():
        about = (record.__doc__ or record.kind).splitlines()[0]
        answers = _responses(record)
        router.add_api_route(
            f"/{record.kind}", _listing(record), methods=["GET"], operation_id=f"list_{record.kind}",
            summary=f"List {record.kind} records", description=f"{about} By key, a page at a time.",
            response_class=Response, responses=answers,
        )  # fmt: skip
        router.add_api_route(
            f"/{record.kind}/one", _getting(record), methods=["GET"], operation_id=f"get_{record.kind}",
            summary=f"Get one {record.kind} by its key", description=about, response_class=Response, responses=answers,
        )  # fmt: skip
        if record.owned_by is not None:
            _add_changes(router, record)
    return router


def _responses(record: type[Record]) -> dict[int | str, dict[str, Any]]:
    return {200: {"description": f"JSON of {record.kind} records.", "content": {"application/json": {}}}}


def _common(record: type[Record]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if record.label == "public":
        fields["as_of"] = (datetime | None, Field(None, description="See what was known then (with a zone)."))
    if "instrument_id" in record.model_fields and "symbol" not in record.model_fields:
        fields["symbol"] = (str | None, Field(None, max_length=80, description="Symbol, name or alias."))
    return fields


def _listing(record: type[Record]) -> Callable[..., Any]:
    fields = _common(record)
    for name, field in record.model_fields.items():
        kind = scalar_of(field.annotation)
        if kind in (int, str, bool) and name not in _LONG_TEXTS and name != record.owned_by:
            chosen = _without_none(field.annotation)
            fields[name] = (chosen | None, Field(None, description=f"Only where {name} is this."))
    day = day_field(record)
    if day is not None:
        fields["start"] = (date | None, Field(None, description=f"Only {day} from this day on."))
        fields["end"] = (date | None, Field(None, description=f"Only {day} up to this day."))
    fields["limit"] = (int, Field(100, ge=1, le=MOST_ROWS, description="Most records of a page."))
    fields["cursor"] = (str | None, Field(None, max_length=2000, description="`next` of the page before."))
    filters = create_model(f"{record.__name__}Filters", __config__=ConfigDict(extra="forbid"), **fields)

    async def listing(request: Request, principal: Caller, filters: BaseModel) -> Response:
        _check_reader(principal, record)
        return await run_in_threadpool(_list, request, principal, record, filters)

    listing.__annotations__["filters"] = Annotated[filters, Query()]
    listing.__name__ = f"list_{record.kind}"
    return listing


def _list(request: Request, principal: Principal, record: type[Record], filters: Any) -> Response:
    given = filters.model_dump(exclude_none=True)
    limit, cursor = given.pop("limit"), given.pop("cursor", None)
    query = _query(request, principal, record, given)
    store = parts_of(request).records
    asked = json.dumps(given, default=str, sort_keys=True)
    if cursor is not None:
        after, query = _continue(cursor, record, asked, query)
        query = replace(query, after=after)
    elif record.label == "public":
        # All pages show what was stored when the first was read.
        query = replace(query, as_of=AsOf(known=query.as_of.known, recorded=store.now()))
    page = store.page(replace(query, limit=limit))
    following = None if page.last is None else _cursor(record, asked, query.as_of, page.last)
    head = json.dumps({"kind": record.kind, "count": page.count, "next": following})[:-1]
    return Response(f'{head}, "items": {page.items}}}', media_type="application/json")


def _query(request: Request, principal: Principal, record: type[Record], given: dict[str, Any]) -> RecordQuery:
    desk = desk_of(request)
    moment = given.pop("as_of", None)
    if moment is not None and moment.tzinfo is None:
        raise InvalidInput("as_of needs a time zone.", hint="Write 2022-11-28T21:00:00Z.")
    symbol = given.pop("symbol", None) if "symbol" not in record.model_fields else None
    equal = {name: value for name, value in given.items() if name not in ("start", "end")}
    if symbol is not None:
        equal["instrument_id"] = desk.instruments.find(symbol).instrument_id
    return RecordQuery(
        record=record,
        equal=equal,
        start=given.get("start"),
        end=given.get("end"),
        as_of=AsOf(known=moment or desk.clock.now()),
        owner=principal.id if record.owned_by else None,
    )


def _cursor(record: type[Record], asked: str, as_of: AsOf, last: tuple[str, ...]) -> str:
    recorded = None if as_of.recorded is None else as_of.recorded.isoformat()
    content = [record.kind, asked, as_of.known.isoformat(), recorded, list(last)]
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode()


def _continue(cursor: str, record: type[Record], asked: str, query: RecordQuery) -> tuple[tuple[str, ...], RecordQuery]:
    try:
        kind, before, known, recorded, last = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        as_of = AsOf(
            known=datetime.fromisoformat(known).astimezone(UTC),
            recorded=None if recorded is None else datetime.fromisoformat(recorded).astimezone(UTC),
        )
        after = tuple(str(part) for part in last)
    except (ValueError, TypeError, binascii.Error, UnicodeError) as error:
        raise InvalidInput("The cursor is none of this desk.", hint="Pass `next` of the page before.") from error
    if (kind, before) != (record.kind, asked):
        raise InvalidInput("The cursor belongs to another question.", hint="Keep kind and filters from page to page.")
    if record.label == "private":
        as_of = query.as_of
    return after, replace(query, as_of=as_of)


def _getting(record: type[Record]) -> Callable[..., Any]:
    fields = {name: entry for name, entry in _common(record).items() if name == "as_of"}
    for name in record.key:
        annotation = _without_none(record.model_fields[name].annotation)
        fields[name] = (annotation, Field(..., description="Part of the key."))
    key = create_model(f"{record.__name__}Key", __config__=ConfigDict(extra="forbid"), **fields)

    async def getting(request: Request, principal: Caller, key: BaseModel) -> Response:
        _check_reader(principal, record)
        return await run_in_threadpool(_get, request, principal, record, key.model_dump(exclude_none=True))

    getting.__annotations__["key"] = Annotated[key, Query()]
    getting.__name__ = f"get_{record.kind}"
    return getting


def _get(request: Request, principal: Principal, record: type[Record], given: dict[str, Any]) -> Response:
    named = ", ".join(str(value) for name, value in given.items() if name != "as_of")
    page = parts_of(request).records.page(replace(_query(request, principal, record, given), limit=1))
    if not page.count:
        raise UnknownName(record.kind, named)
    return Response(page.items[1:-1], media_type="application/json")


def _check_reader(principal: Principal, record: type[Record]) -> None:
    require_scope(principal, "read")
    if record.label == "private" and principal.kind != "person":
        raise Refused(
            f"Records of the kind {record.kind} are private: only a signed-in person reads them.",
            rule="person",
            hint="Sign in.",
        )


def _add_changes(router: APIRouter, record: type[Record]) -> None:
    content = create_model(f"{record.__name__}Content", __config__=ConfigDict(extra="forbid"), **input_fields(record))

    def shown(request: Request, principal: Principal, made: Record) -> Response:
        return _get(request, principal, record, {record.key[0]: getattr(made, record.key[0])})

    async def create(request: Request, principal: Caller, content: BaseModel) -> Response:
        _check_owner(principal)
        parts = parts_of(request)
        made = await run_in_threadpool(
            create_owned, parts.records, record, content.model_dump(), principal, desk_of(request)
        )
        return await run_in_threadpool(shown, request, principal, made)

    async def change(request: Request, principal: Caller, key: str, content: BaseModel) -> Response:
        _check_owner(principal)
        parts = parts_of(request)
        made = await run_in_threadpool(
            change_owned, parts.records, record, key, content.model_dump(), principal, desk_of(request)
        )
        return await run_in_threadpool(shown, request, principal, made)

    async def remove(request: Request, principal: Caller, key: str) -> dict[str, str]:
        _check_owner(principal)
        await run_in_threadpool(remove_owned, parts_of(request).records, record, key, principal)
        return {"removed": key}

    create.__annotations__["content"] = change.__annotations__["content"] = content
    for method, path, endpoint, verb in (
        ("POST", "", create, "create"),
        ("PUT", "/{key}", change, "change"),
        ("DELETE", "/{key}", remove, "delete"),
    ):
        endpoint.__name__ = f"{verb}_{record.kind}"
        router.add_api_route(
            f"/{record.kind}{path}", endpoint, methods=[method], operation_id=f"{verb}_{record.kind}",
            response_model=None, summary=f"{verb.capitalize()} a {record.kind} of your own",
        )  # fmt: skip


def _check_owner(principal: Principal) -> None:
    require_scope(principal, "read")
    if principal.kind != "person":
        raise Refused("Only a signed-in person changes what is theirs.", rule="person", hint="Sign in.")


def _without_none(annotation: Any) -> Any:
    if get_origin(annotation) in (Union, UnionType):
        return next(part for part in get_args(annotation) if part is not NoneType)
    return annotation
