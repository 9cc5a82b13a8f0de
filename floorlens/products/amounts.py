"""Numbers as people write them: `€ 49,90`, `1.299,00`, `CHF 12.-`. A column is read as a whole."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from floorlens.products.texts import plain_name

# What follows it in a cell is JSON: an export writes so what would be read as something else.
JSON_MARK = "json:"
# "007" is an article number, "1_000" and "nan" are words. Only plain numbers become numbers, and of
# those only the ones that every engine stores exactly.
_NUMBER = re.compile(r"-?(?:(?:0|[1-9][0-9]{0,14})(?:\.[0-9]*)?|\.[0-9]+)")
_SIGN = (
    r"€|\$|£|¥|₺|zł|kč|kr\.?|ft|fr\.?|sfr\.?|eur|euro|chf|usd|gbp|pln|czk|sek|nok|dkk|huf|try|us\$|"
    r"cad|aud|jpy"
)
_UNIT = (
    r"(?:/|pro |per |je )\s*(?:m²|m2|m\^2|qm|sqm|sq\.?\s?m|sq\.?\s?ft|stück|stk\.?|st\.?|pcs?|lfm)"
)
_AMOUNT = re.compile(
    rf"(?P<before>{_SIGN})?\s*(?P<minus>-)?\s*(?P<digits>[0-9][0-9.,'’ ]*?)"
    rf"(?P<dash>[.,](?:-{{1,2}}|–|—))?\s*(?P<after>{_SIGN})?\s*(?P<unit>{_UNIT})?",
    re.IGNORECASE,
)
# One currency in several spellings.
_CURRENCIES = {
    "eur": "€",
    "euro": "€",
    "fr": "chf",
    "sfr": "chf",
    "usd": "$",
    "us$": "$",
    "gbp": "£",
}
_PRICES = (
    "price",
    "preis",
    "prix",
    "precio",
    "prezzo",
    "prijs",
    "uvp",
    "msrp",
    "rrp",
    "kosten",
    "cost",
)
# What stands where a price is not said. Dots, spaces, case and accents do not count; a text of
# nothing but dashes says it as well.
_ABSENT = frozenset(
    plain_name(word)
    for word in (
        *("auf Anfrage", "Preis auf Anfrage", "a. A.", "k. A.", "keine Angabe", "n. v.", "n/a"),
        *("na", "none", "null", "on request", "price on request", "upon request", "POA", "TBA"),
        *("TBD", "call", "sur demande", "prix sur demande", "sur devis", "su richiesta"),
        *("a consultar", "consultar", "bajo pedido", "op aanvraag", "na zapytanie"),
    )
)
_LONGEST = 40
# With thousands it is 1299, with a decimal comma 1.299.
_EITHER = re.compile(r"[1-9][0-9]{0,2},[0-9]{3}")
_WHOLE = r"(?:0|[1-9][0-9]{0,14})"


def _forms(group: str, point: str) -> re.Pattern[str]:
    return re.compile(
        rf"(?:{_WHOLE}|[1-9][0-9]{{0,2}}(?:[{group}][0-9]{{3}}){{1,4}})(?:{point}[0-9]+)?"
    )


# Decimal mark -> the digits that it can be in, with marks between thousands.
_READINGS = {".": _forms(",'’ ", r"\."), ",": _forms(".'’ ", ",")}
# Without a currency only this is a number: "123 456" and "12.345.678" are as likely codes.
_BARE = {".": re.compile(rf"{_WHOLE}(?:\.[0-9]+)?"), ",": re.compile(rf"{_WHOLE}(?:,[0-9]+)?")}


def typed_cell(text: str) -> str | int | float | bool:
    """Returns a cell's text as a boolean or number if it plainly is one, else as text.

    Example:
        >>> typed_cell("19.5"), typed_cell("true"), typed_cell("007")
        (19.5, True, '007')
    """
    text = text.strip()
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if not _NUMBER.fullmatch(text):
        return text
    return float(text) if "." in text else int(text)


@dataclass(frozen=True)
class Amounts:
    """What a column of prices or other amounts was read as.

    Attributes:
        values: a number for each cell, None for one without a price; None where the column stays as
            it is.
        note: for the report, what was read or why it was not.
    """

    values: tuple[int | float | None, ...] | None
    note: str


@dataclass(frozen=True)
class _Amount:
    text: str
    digits: str
    minus: bool
    currency: str
    unit: str
    dash: bool

    def value(self, mark: str) -> int | float:
        digits = re.sub(rf"[^0-9{mark}]", "", self.digits).replace(mark, ".")
        number = float(digits) if "." in digits else int(digits)
        return -number if self.minus else number


def read_amounts(name: str, cells: Sequence[Any]) -> Amounts | None:
    """Returns a column as numbers, or None where it is to be left as it is.

    It is read only if every cell is a number, with one currency, one unit and one decimal mark
    throughout, and something other than plain numbers is among them, which `typed_cell` reads.
    Among prices, words such as "auf Anfrage", and dashes, say that there is none.
    Marks between thousands are understood where a currency, or the column's name, says that they
    are prices. A price such as `1.299` alone, which could be either, has thousands.

    Args:
        name: of the column.
        cells: texts that are not empty, or in Excel also numbers.

    Example:
        >>> read_amounts("Preis", ["€ 49,90", "€ 1.299,00"]).values
        (49.9, 1299.0)
    """
    if any(isinstance(cell, bool) or not isinstance(cell, str | int | float) for cell in cells):
        return None
    words = [cell for cell in cells if isinstance(cell, str)]
    gaps = [text for text in words if _is_absent(text)]
    texts = [text for text in words if not _is_absent(text)]
    parsed = [_parse(text) for text in texts]
    amounts = [amount for amount in parsed if amount is not None]
    price = is_price(name) or any(amount.currency or amount.dash for amount in amounts)
    if gaps and not price:
        return None
    if not texts and gaps and len(cells) > len(words):
        # Excel's numbers need no reading.
        given = tuple(None if isinstance(cell, str) else cell for cell in cells)
        return Amounts(given, f"{name!r} has{_absence(gaps)}")
    if not amounts or len(amounts) < len(texts):
        # Worth a word only where prices are lost by it.
        lost = price and any(isinstance(typed_cell(amount.text), str) for amount in amounts)
        odd = next((text for text in texts if _parse(text) is None), "")
        return Amounts(None, f"{name!r} stays text: {odd[:40]!r} is no number") if lost else None
    for what in ("currency", "unit"):
        kinds = sorted({getattr(amount, what) for amount in amounts} - {""})
        if len(kinds) > 1:
            return Amounts(None, f"{name!r} stays text: it has {' and '.join(kinds[:3])}")
    forms = _READINGS if price else _BARE
    marks = [
        mark for mark in forms if all(forms[mark].fullmatch(amount.digits) for amount in amounts)
    ]
    if not marks:
        lost = price and any(isinstance(typed_cell(amount.text), str) for amount in amounts)
        cause = f"{name!r} stays text: decimal points and decimal commas are mixed"
        return Amounts(None, cause) if lost else None
    mark, remark = marks[0], ""
    fractions = [amount.digits for amount in amounts if "," in amount.digits]
    if not price and fractions and all(_EITHER.fullmatch(digits) for digits in fractions):
        return None
    if len(marks) == 2 and any(set(amount.digits) & {".", ","} for amount in amounts):
        # All of them are like 1.299, or like 1,299.
        if not price:
            return None
        sign = next(sign for sign in ".," if any(sign in amount.digits for amount in amounts))
        mark = "," if sign == "." else "."
        remark = f"; the {'point' if sign == '.' else 'comma'} was taken to part thousands"
    values = [amount.value(mark) for amount in amounts]
    examples = [
        f"{amount.text!r} is {value:.15g}"
        for amount, value in zip(amounts, values, strict=True)
        if typed_cell(amount.text) != value
    ]
    if not examples and not gaps:
        return None
    notes = [f" was read as numbers: {examples[0]}{remark}"] if examples else []
    if gaps:
        notes.append(f" has{_absence(gaps)}")
    numbers = iter(values)
    return Amounts(
        tuple(
            cell if not isinstance(cell, str) else None if _is_absent(cell) else next(numbers)
            for cell in cells
        ),
        f"{name!r}{';'.join(notes)}",
    )


def _is_absent(text: str) -> bool:
    """Returns whether a text says that there is no price."""
    if len(text) > _LONGEST:
        return False
    return plain_name(text) in _ABSENT or not text.strip(" -\u2013\u2014.")


def _absence(gaps: Sequence[str]) -> str:
    kinds = ", ".join(repr(text) for text in dict.fromkeys(gaps[:100]))
    return f" no value in {len(gaps)} row{'s' * (len(gaps) > 1)} ({kinds[:80]})"


def _parse(text: str) -> _Amount | None:
    # Longer ones are no amounts, and would take long to be told so.
    match = _AMOUNT.fullmatch(text.strip()) if len(text) <= _LONGEST else None
    if match is None or (match["before"] and match["after"]):
        return None
    sign = (match["before"] or match["after"] or "").lower().rstrip(".")
    return _Amount(
        text,
        match["digits"].strip(),
        match["minus"] is not None,
        _CURRENCIES.get(sign, sign),
        re.sub(r"\s", "", (match["unit"] or "").lower()),
        match["dash"] is not None,
    )


def is_price(name: str) -> bool:
    """Returns whether a column has prices, judged by its name.

    Example:
        >>> is_price("Preis (€)"), is_price("Prestige")
        (True, False)
    """
    plain = plain_name(name)
    return any(word in plain for word in _PRICES)


def may_be_number(text: str) -> bool:
    """Returns whether a text could be read as a number, if its whole column is.

    Example:
        >>> may_be_number("€ 49,90"), may_be_number("49 planks")
        (True, False)
    """
    amount = _parse(text)
    return amount is not None and any(form.fullmatch(amount.digits) for form in _READINGS.values())
