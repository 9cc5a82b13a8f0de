"""The look as a theme of Streamlit: what its own buttons, fields and texts are drawn in."""

from __future__ import annotations

from floorlens.look import Theme, tokens

# Option of Streamlit -> token.
_COLOURS = {
    "primaryColor": "accent",
    "backgroundColor": "paper",
    "secondaryBackgroundColor": "well",
    "textColor": "ink",
    "linkColor": "accent-text",
    "borderColor": "line",
    "codeTextColor": "ink",
    "codeBackgroundColor": "well",
    "dataframeBorderColor": "line",
    "dataframeHeaderBackgroundColor": "well",
    "dataframeHeaderTextColor": "soft",
    "greenColor": "accent",
    "greenTextColor": "accent-text",
    "greenBackgroundColor": "accent-ground",
    "yellowColor": "warn",
    "yellowTextColor": "warn",
    "yellowBackgroundColor": "warn-ground",
    "orangeColor": "warn",
    "orangeTextColor": "warn",
    "orangeBackgroundColor": "warn-ground",
    "redColor": "error",
    "redTextColor": "error",
    "redBackgroundColor": "error-ground",
    "blueColor": "pattern",
    "blueTextColor": "ink",
    "blueBackgroundColor": "well",
    "grayColor": "other",
    "grayTextColor": "soft",
    "grayBackgroundColor": "well",
}
_SERIES = ("texture", "colour", "pattern", "other", "warn", "error")
_HEADING_SIZES = ("2rem", "1.5rem", "1.2rem", "1.05rem", "1rem", "0.875rem")
_HEADING_WEIGHTS = (700, 650, 650, 600, 600, 600)


def theme_options() -> dict[str, object]:
    """Returns Streamlit's options for both themes: name -> value, for `st.App.run`.

    Streamlit then follows the browser's choice of light or dark, and the style sheets follow
    Streamlit.

    Example:
        >>> from floorlens.look.theme import theme_options
        >>> theme_options()["theme.light.primaryColor"]
        '#1a7f64'
    """
    themes: tuple[Theme, ...] = ("light", "dark")
    return {f"theme.{theme}.{name}": value for theme in themes for name, value in _options(theme)}


def _options(theme: Theme) -> list[tuple[str, object]]:
    values = tokens(theme)
    return [
        *((option, values[token]) for option, token in _COLOURS.items()),
        ("chartCategoricalColors", [values[token] for token in _SERIES]),
        ("font", values["font"]),
        ("headingFont", values["font"]),
        ("headingFontSizes", list(_HEADING_SIZES)),
        ("headingFontWeights", list(_HEADING_WEIGHTS)),
        ("codeFont", values["mono"]),
        ("baseRadius", values["radius"]),
        ("buttonRadius", values["radius"]),
        ("linkUnderline", True),
        ("showWidgetBorder", True),
    ]
