"""The JSON bodies of the answers."""

from __future__ import annotations

from pydantic import BaseModel, Field


class SearchHit(BaseModel):
    """One product of a ranking: exactly the three fields of the reference design."""

    id: str
    score: float = Field(
        description="0..1, never rising down the list; with the preset builtin, from 20 products "
        "on, the probability that this is the product on the floor, if the catalogue holds it"
    )
    name: str


class Health(BaseModel):
    """What the service searches, and with which models."""

    status: str = Field(description='"ok"')
    version: str = Field(description="of Floorlens")
    products: int = Field(description="how many the catalogue holds")
    preset: str
    models: dict[str, str] = Field(description='stage -> "model version"')


class Cause(BaseModel):
    """Why a request was not served."""

    code: str = Field(description="stable, for programs")
    message: str = Field(description="for people: cause and cure")


class Problem(BaseModel):
    """The body of every answer that is an error."""

    error: Cause
