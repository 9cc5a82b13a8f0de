"""The JSON bodies of requests and answers that several routes share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from floorlens.api.field_errors import unknown_fields
from floorlens.products.ids import MAX_ID_LENGTH

ProductId = Annotated[
    str,
    Path(description="of the product", examples=["oak-natural-plank"], max_length=MAX_ID_LENGTH),
]


class Request(BaseModel):
    """The base of every body that a client sends: a field that it does not know is refused."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_fields(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        known = {info.alias or name for name, info in cls.model_fields.items()}
        unknown = unknown_fields(map(str, values), known)
        if unknown:
            # Raised for pydantic, which puts the place of this model before the names.
            raise ValidationError.from_exception_data(
                cls.__name__,
                [
                    InitErrorDetails(
                        type=PydanticCustomError("unknown_field", "{text}", {"text": text}),
                        loc=(name,),
                        input=None,
                    )
                    for name, text in unknown.items()
                ],
            )
        return values


class SearchHit(BaseModel):
    """One product of a ranking: exactly the three fields of the reference design."""

    id: str
    score: float = Field(
        description="0..1, never rising down the list; with the preset builtin, from 20 products "
        "on, the probability that this is the product on the floor, if the catalogue holds it"
    )
    name: str


class FieldProblem(BaseModel):
    """What is wrong with one field of a request."""

    field: str = Field(description="where it stands, such as `where.price`")
    message: str = Field(description="cause and cure")


class Problem(BaseModel):
    """The body of every answer that is an error (RFC 9457, application/problem+json)."""

    type: str = Field(description="urn:floorlens:problem: and the code")
    title: str = Field(description="what the status means")
    status: int
    code: str = Field(description="stable, for programs")
    detail: str = Field(description="for people: cause and cure")
    request_id: str = Field(description="stands in the log of the service as well")
    errors: list[FieldProblem] = Field(
        default_factory=list, description="of a request that cannot be used: field by field"
    )
