"""Calls about the state of a service."""

from __future__ import annotations

from floorlens.client.answers import KeyState, Liveness, Readiness, Status
from floorlens.client.calls import Call, reader, text_of


def status() -> Call[Status]:
    """Returns what the service serves, with which models, and which jobs are at work.

    Raises:
        ServiceError: the service refuses, such as "scope-missing".
        ServiceUnreachable: no service answers.

    Example:
        >>> client.status().preset
        'builtin'
    """
    return Call("GET", "/v1/status", reader(Status))


def key_state() -> Call[KeyState]:
    """Returns what the client's key may do, and how often it may ask.

    Raises:
        ServiceError: the service refuses, such as "key-invalid".
        ServiceUnreachable: no service answers.

    Example:
        >>> client.key_state().scopes
        ('search', 'read', 'admin')
    """
    return Call("GET", "/v1/key", reader(KeyState))


def health() -> Call[Liveness]:
    """Returns that the process of the service answers. It needs no key.

    Raises:
        ServiceError: what answers is no service of ours.
        ServiceUnreachable: no service answers.

    Example:
        >>> client.health().status
        'ok'
    """
    return Call("GET", "/healthz", reader(Liveness))


def readiness() -> Call[Readiness]:
    """Returns whether searches can be answered, and what is missing. It needs no key.

    Raises:
        ServiceError: what answers is no service of ours.
        ServiceUnreachable: no service answers.

    Example:
        >>> client.readiness().ready
        True
    """
    return Call("GET", "/readyz", reader(Readiness), statuses=(503,))


def metrics() -> Call[str]:
    """Returns the figures of all processes of the service, in Prometheus's text format.

    Raises:
        ServiceError: the service refuses, such as "scope-missing".
        ServiceUnreachable: no service answers.

    Example:
        >>> "floorlens_requests_total" in client.metrics()
        True
    """
    return Call("GET", "/metrics", text_of)
