"""Strict requests: a field that nobody reads is refused, with the nearest one that is known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from fastapi import Request, params
from fastapi.routing import APIRoute
from fastapi.security import APIKeyQuery
from pydantic import BaseModel

from floorlens.api.field_errors import unknown_fields
from floorlens.api.problems import Refusal
from floorlens.api.security import lets_pass

if TYPE_CHECKING:
    from fastapi.dependencies.models import Dependant


async def refuse_unknown_parameters(request: Request) -> None:
    """Refuses parameters of the address, and fields of a form, that the route does not read.

    A dependency of the whole application.

    Raises:
        Refusal: there are some.
    """
    route = request.scope.get("route")
    if not isinstance(route, APIRoute) or not _may_ask(request, route):
        return
    query, form, required = _known(route)
    errors = unknown_fields(request.query_params, query)
    if form is not None:
        # FastAPI has read it already; what it lacks is told by FastAPI.
        fields = await request.form()
        if required <= fields.keys():
            errors |= unknown_fields(fields, form)
    if errors:
        raise Refusal(422, "request-invalid", errors=errors)


def _may_ask(request: Request, route: APIRoute) -> bool:
    """Returns whether the caller may ask the route at all: if not, that is said first."""
    caller = request.scope["state"].get("caller")
    return all(lets_pass(one.call, caller) for one in _dependants(route.dependant))


def _known(route: APIRoute) -> tuple[set[str], set[str] | None, set[str]]:
    """Returns the parameters of a route, the fields of its form, and those that it must have.

    There are no fields, but None, where it takes no form.
    """
    query: set[str] = set()
    form: set[str] = set()
    required: set[str] = set()
    takes_form = False
    for dependant in _dependants(route.dependant):
        if isinstance(dependant.call, APIKeyQuery):
            query.add(dependant.call.model.name)
        for field in dependant.query_params:
            query |= _names(field)
        for field in dependant.body_params:
            if isinstance(field.field_info, params.Form):
                takes_form = True
                form |= _names(field)
                if field.field_info.is_required():
                    required |= _names(field)
    return query, form if takes_form else None, required


def _dependants(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for one in dependant.dependencies:
        yield from _dependants(one)


def _names(field: Any) -> set[str]:
    kind = field.field_info.annotation
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return {info.alias or name for name, info in kind.model_fields.items()}
    return {field.alias}
