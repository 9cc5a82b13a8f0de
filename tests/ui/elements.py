"""Elements of the page in Streamlit's `AppTest`, which runs no JavaScript."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any
from unittest import mock

from streamlit.components.v2.bidi_component.main import _make_trigger_id
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest


def data_of(page: AppTest, name: str) -> dict[str, Any]:
    """Returns the data that an element got."""
    data: dict[str, Any] = json.loads(_element(page, name).json)
    return data


def send(page: AppTest, name: str, event: str, value: object) -> AppTest:
    """Runs the page after an event of an element, as a browser would send it."""
    states = page._tree.get_widget_states()
    state = states.widgets.add()
    state.id = _make_trigger_id(_element(page, name).id, "events")
    state.json_trigger_value = json.dumps([{"event": event, "value": value}])
    page._run(states)
    assert not page.exception
    return page


def navigate(page: AppTest) -> AppTest:
    """Runs the page after a step back or forward in the browser, which has brought an address."""
    runs = "streamlit.testing.v1.local_script_runner.RerunData"
    with mock.patch(runs, partial(RerunData, is_history_navigation=True)):
        page.run()
    assert not page.exception
    return page


def _element(page: AppTest, name: str) -> Any:
    names = [part.proto for part in page.get("bidi_component")]
    return next(one for one in names if one.component_name == f"floorlens_{name}")
