"""What the library says of files, for clients: no path of the server is in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from floorlens.service.public_texts import PublicTexts


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("/srv/up/1/content/shop/oak.jpg: is no image", "shop/oak.jpg: is no image"),
        (
            "cannot be found in /srv/up/1/content; the nearest",
            "cannot be found in the upload; the nearest",
        ),
        ("'/srv/up/1/list.csv', line 2", "'list.csv', line 2"),
        ("give --pictures /home/shop/pictures", "give --pictures pictures"),
        ("(/etc/ssl/private/key.pem)", "(key.pem)"),
        (r"C:\Users\shop\oak.jpg is missing", "oak.jpg is missing"),
        ("https://cdn.example.com/a/b/oak.jpg: 404", "https://cdn.example.com/a/b/oak.jpg: 404"),
        ("the size 18/189/1200 and 3/4 of it", "the size 18/189/1200 and 3/4 of it"),
        ("the id 'OAK-14/189/x'", "the id 'OAK-14/189/x'"),
    ],
)
def test_paths_are_cut_and_nothing_else(text: str, clean: str) -> None:
    texts = PublicTexts([Path("/srv/up/1"), Path("/srv/up/1/content")])
    assert texts.clean(text) == clean
    assert texts.clean_values({"notes": [text], text: 3}) == {"notes": [clean], clean: 3}


def test_a_folder_is_known_by_its_link_as_well(tmp_path: Path) -> None:
    """The library follows links, the settings need not."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    texts = PublicTexts([tmp_path / "link"])
    for folder in ("real", "link"):
        assert texts.clean(f"{tmp_path / folder}/oak.jpg") == "oak.jpg"
