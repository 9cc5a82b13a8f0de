"""The JSON bodies of requests and answers that several routes share."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Request(BaseModel):
    """The base of every body that a client sends: a field that it does not know is refused."""

    model_config = ConfigDict(extra="forbid")


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
