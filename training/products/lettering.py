"""What shops write: strings, and the fonts of this machine to write them with."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_WORDS = tuple(
    word
    for line in (
        "SALE NEW SAMPLE OAK Eiche Natur LOOP Vinyl Premium Design floor Boden COPYRIGHT",
        "preview www shop Parkett laminate HERRINGBONE Tiles Porcelain Outlet Angebot Muster PROMO",
        "SOLDES NEU Promotion % € mm cm R10 AC4 m² Classic Rustic Nordic stone wood hand-made TOP",
        "Grey brown Carrara Terrazzo studio Home Interiors online stock photo demo proof draft",
    )
    for word in line.split()
)
_LETTERS = list("ABCDEFGHIKLMNOPRSTUVWXYZabcdefghiklmnoprstuvwxyz0123456789&.-%€©®+/")


@lru_cache(maxsize=1)
def font_files() -> tuple[str, ...]:
    """The font files of this machine; "" stands for Pillow's own font."""
    files = sorted(Path("/usr/share/fonts").rglob("*.ttf"))
    return ("", *(str(path) for path in files if "Math" not in path.name))


@lru_cache(maxsize=512)
def _font(path: str, size: int) -> Font:
    return ImageFont.truetype(path, size) if path else ImageFont.load_default(size)


def draw_font(rng: np.random.Generator, size: float) -> Font:
    """Returns a random font of about this height in pixels."""
    files = font_files()
    path = files[0] if rng.random() < 0.25 else files[int(rng.integers(len(files)))]
    return _font(path, max(6, round(size)))


def draw_line(rng: np.random.Generator, longest: int = 4) -> str:
    """Returns a line of words, numbers and chance letters."""
    words = []
    for _ in range(int(rng.integers(1, longest + 1))):
        kind = rng.random()
        if kind < 0.5:
            word = str(rng.choice(_WORDS))
        elif kind < 0.75:
            word = "".join(rng.choice(_LETTERS, size=int(rng.integers(2, 9))))
        else:
            word = str(int(rng.integers(1, 10 ** int(rng.integers(1, 6)))))
        words.append(word.upper() if rng.random() < 0.3 else word)
    return " ".join(words)


def draw_price(rng: np.random.Generator) -> str:
    """Returns what stands on a sale badge."""
    number = int(rng.integers(1, 100))
    forms = (f"-{number}%", f"{number}%", f"{number},99 €", f"€{number}", "NEW", "SALE", "NEU", "%")
    return str(forms[int(rng.integers(len(forms)))])
