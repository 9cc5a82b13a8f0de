"""Adding products: one by hand, or many by an import from a file or a folder of the server."""

from __future__ import annotations

from typing import Any, Literal

import streamlit as st

from floorlens.client import Client
from floorlens.client.answers import Job
from floorlens.errors import FloorlensError
from floorlens.products.product import MAX_IMAGES
from floorlens.service.sources import ENDINGS
from floorlens.ui import admin, asking, jobs, texts
from floorlens.ui.addresses import MARK, PREFIX
from floorlens.ui.admin import Access
from floorlens.ui.catalogue.fields import field_value
from floorlens.ui.components import element

_UPLOAD = element("upload", "nodes", "drop")
UPLOAD_TEXTS = {
    "drop": texts.DROP_LIST,
    "choose": texts.CHOOSE_LIST,
    "formats": texts.LIST_FORMATS,
    "sending": texts.SENDING,
    "starting": texts.STARTING,
    "stop": texts.CANCEL,
    "failed": texts.UPLOAD_FAILED,
}
"""What the element for a file says."""
_SOURCES = (texts.FROM_FILE, texts.FROM_FOLDER, texts.FROM_HAND)
_LAYOUTS: dict[str, Literal["auto", "files", "folders"]] = {
    texts.LAYOUT_AUTO: "auto",
    texts.LAYOUT_FILES: "files",
    texts.LAYOUT_FOLDERS: "folders",
}


def show(access: Access) -> None:
    """Shows the ways to add products, and the imports so far."""
    source = st.segmented_control(
        texts.SOURCE,
        _SOURCES,
        default=_SOURCES[0],
        key="source",
        label_visibility="collapsed",
        required=True,
    )
    if source == texts.FROM_HAND:
        _by_hand(access)
        return
    if source == texts.FROM_FOLDER:
        _from_folder(access)
    else:
        _from_file(access)
    with admin.problems():
        jobs.show_latest(access.client, "import", _report, empty=texts.NO_IMPORTS)


# -- imports -----------------------------------------------------------------------------------


def _options() -> dict[str, Any]:
    """Shows how products are read, and returns what differs from what is usual."""
    with st.expander(texts.IMPORT_OPTIONS):
        prefix = st.text_input(texts.ID_PREFIX, key="id_prefix", help=texts.ID_PREFIX_HELP).strip()
        layout = st.selectbox(texts.LAYOUT, list(_LAYOUTS), key="layout")
        fetch = st.toggle(texts.FETCH, key="fetch", help=texts.FETCH_HELP)
        strict = st.toggle(texts.STRICT, key="strict", help=texts.STRICT_HELP)
    options: dict[str, Any] = {"id_prefix": prefix or None, "fetch": fetch, "strict": strict}
    options["layout"] = None if _LAYOUTS[layout] == "auto" else _LAYOUTS[layout]
    return {name: value for name, value in options.items() if value}


def _from_file(access: Access) -> None:
    st.write(texts.FILE_TEXT)
    options = _options()
    _UPLOAD(
        key="upload",
        data={
            "address": f"{PREFIX}/imports",
            "mark": MARK,
            "ticket": admin.ticket(access, "imports"),
            "options": {
                name: value if isinstance(value, str) else "true" for name, value in options.items()
            },
            "accept": ",".join(ENDINGS),
            "refusals": texts.UPLOAD_REFUSALS,
            "texts": UPLOAD_TEXTS,
        },
        on_job_change=_sent,
    )


def _sent() -> None:
    # The list below shows the new job; an earlier choice would hide what it did.
    st.session_state.pop("chosen_import", None)


def _from_folder(access: Access) -> None:
    st.write(texts.FOLDER_TEXT)
    options = _options()
    with st.form("folder_form", border=False):
        folder = st.text_input(texts.FOLDER, key="folder", placeholder=texts.FOLDER_HINT).strip()
        starts = st.form_submit_button(texts.IMPORT_START, type="primary")
    if starts and folder:
        access.client.start_import(folder=folder, **options)
        _sent()


def _report(client: Client, job: Job) -> None:
    report = job.report or {}
    jobs.show_notes(job)
    same = report.get("same_pictures") or ()
    if same:
        with st.expander(texts.SAME_PICTURES.format(count=len(same))):
            st.write(texts.SAME_PICTURES_TEXT)
            st.dataframe({texts.SAME_PICTURES_COLUMN: [", ".join(ids) for ids in same]})
    jobs.show_rows(client, job)


# -- one by hand -------------------------------------------------------------------------------


def _by_hand(access: Access) -> None:
    with st.form("new_product", border=False, clear_on_submit=False):
        files = st.file_uploader(
            texts.PICTURES,
            ["jpg", "jpeg", "png", "webp", "heic", "avif", "tif", "tiff", "bmp"],
            accept_multiple_files=True,
            key=f"pictures_{st.session_state.get('added', 0)}",
            help=texts.PICTURES_HELP.format(most=MAX_IMAGES),
            max_upload_size=max(1, round(asking.settings().max_upload_mb)),
        )
        product_id = st.text_input(texts.ID, key="new_id", help=texts.ID_HELP).strip()
        name = st.text_input(texts.NAME, key="new_name").strip()
        lines = st.text_area(
            texts.OWN_FIELDS, key="new_fields", placeholder=texts.FIELDS_PLACEHOLDER
        )
        replace = st.checkbox(texts.REPLACE, key="new_replace")
        adds = st.form_submit_button(texts.ADD, type="primary")
    if not adds:
        return
    if not files or not product_id:
        st.error(texts.ADD_LACKS)
        return
    metadata = {
        field.strip(): field_value(value.strip())
        for field, sign, value in (line.partition("=") for line in lines.splitlines())
        if sign and field.strip() and value.strip()
    }
    try:
        with st.spinner(texts.ADDING):
            product = access.client.add_product(
                product_id,
                [file.getvalue() for file in files],
                name=name or None,
                metadata=metadata,
                replace=replace,
            )
    except FloorlensError as error:
        admin.report(error)
        return
    admin.note(texts.ADDED.format(name=product.name))
    st.session_state["added"] = st.session_state.get("added", 0) + 1
    for key in ("new_id", "new_name", "new_fields", "new_replace"):
        st.session_state.pop(key, None)
    st.session_state["opened_product"] = product.id
    st.rerun()
