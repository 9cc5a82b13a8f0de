"""All that the page says, in English. A translation is another module of these names."""

from __future__ import annotations

# -- frame -------------------------------------------------------------------------------------

TITLE = "Floorlens"
ICON_TEXT = "Floorlens"
FIND, CATALOGUE, EVALUATE, BATCH = "Find a floor", "Catalogue", "Evaluate", "Several rooms"

# -- first screen ------------------------------------------------------------------------------

LINE = "Show us a room. We find the floor and rank every product by how closely it matches."
DROP = "Drop a photo of a room here, or paste one"
CHOOSE = "Choose a photo"
CAMERA = "Take a photo"
SAMPLES = "Or try one of these rooms"
PRIVACY = (
    "Your photo goes to this shop's own Floorlens service and nowhere else. It is deleted after "
    "a day at most."
)
FORMATS = "JPEG, PNG, HEIC, WebP or TIFF, up to {megabytes} MB"

# -- progress ----------------------------------------------------------------------------------

STAGES = {
    "decode": "Reading the photo",
    "segment": "Finding the floor",
    "normalise": "Straightening it",
    "embed": "Measuring colour, texture and pattern",
    "retrieve": "Searching the catalogue",
    "rerank": "Comparing closely",
    "describe": "Putting it into words",
}
WORKING = "Working"

# -- the photo ---------------------------------------------------------------------------------

PHOTO_ALT = "The room, with its floor marked"
CORRECT = "Correct the floor"
TAP_ADD, TAP_REMOVE, BOX, POLYGON = "Add", "Remove", "Box", "Outline"
UNDO, RESET, OTHER_PHOTO = "Undo", "Start over", "Another photo"
OPACITY = "Mark strength"

# -- matches -----------------------------------------------------------------------------------

RESULTS = "Best matches"
MORE = "Show more"
WORDS = {
    "same floor": "Same floor",
    "very close": "Very close",
    "close": "Close",
    "related": "Related",
    None: "Further off",
}
COMPONENTS = {"colour": "Colour", "texture": "Texture", "pattern": "Pattern"}
NO_PICTURE = "No picture"
PERCENT = "{name} {share} %"
ONE_VARIANT, VARIANTS = "+1 more of this design", "+{count} more of this design"
ACTIONS = "Actions for {name}"
SHOP, SHOP_LABEL = "Shop", "{name} in the shop, in a new tab"
YES, NO = "Yes", "No"

# -- a card opened -----------------------------------------------------------------------------

# -- refine: chips, weights, likes --------------------------------------------------------------

REFINE = "Narrow the results"
CLEAR_ALL, CLEAR, CLOSE_PANEL = "Clear all", "Clear", "Close"
REMOVE = "Remove {name}"
MORE_FILTERS = "More filters"
SHOW_ALL, SHOW_ONE = "Show {count} products", "Show 1 product"
PRODUCTS, PRODUCT = "{count} products", "1 product"
FIELDS = {
    "material": "Material",
    "tone": "Tone",
    "colour": "Colour",
    "pattern": "Pattern",
    "price": "Price",
    "undertone": "Undertone",
    "joints": "Joints",
    "width_mm": "Width",
    "length_mm": "Length",
    "variation": "Variation",
    "marks": "Marks",
    "gloss": "Finish",
}
BELOW, AT_LEAST, BETWEEN = "under {high}", "{low} and more", "{low} to {high}"
WEIGHTS, WEIGHTS_TITLE, RESET_WEIGHTS = "What matters", "What matters more", "Reset"
LESS, MORE_WEIGHT = "less", "more"
STEPS = {
    -2: "does not count",
    -1: "counts less",
    0: "as usual",
    1: "counts more",
    2: "counts most",
}
LIKE_CHIP, UNLIKE_CHIP = "More like {name}", "Less like {name}"
GONE = "No longer in the catalogue"

# -- compare, shortlist, share ------------------------------------------------------------------

# -- catalogue page ----------------------------------------------------------------------------

# -- evaluate page -----------------------------------------------------------------------------

# -- several rooms -----------------------------------------------------------------------------

# -- problems: code of an error -> title, and the text where the service's own will not do --------

UNABLE = "The service cannot search now"
PROBLEMS: dict[str, tuple[str, str]] = {
    "no-floor-found": (
        "No floor in sight",
        "Draw it: choose Box or Outline and mark the floor on the photo.",
    ),
    "nothing-to-rank": ("Nothing left to rank", ""),
    "image-unreadable": ("This file is not a photo we can read", ""),
    "image-timeout": ("This photo takes too long to read", ""),
    "image-too-large": ("This photo is too large", ""),
    "upload-too-large": ("This file is too large", ""),
    "missing-dependency": ("This kind of photo cannot be read here", ""),
    "service-unreachable": (
        "The service does not answer",
        "Your photo is safe. We ask again every few seconds.",
    ),
    "busy": ("Much to do just now", "Your photo is safe. We ask again in a moment."),
    "deadline": ("Much to do just now", "Your photo is safe. We ask again in a moment."),
    "rate-exceeded": ("A little too fast", "We ask again in a moment."),
    "settings-invalid": ("The page is not set up", ""),
    "internal": ("Something went wrong in the service", ""),
    "key-missing": ("The service asks for a key", ""),
    "key-invalid": ("The service does not know the page's key", ""),
    "scope-missing": ("The page's key may not do this", ""),
    "search-not-found": ("This search is no longer kept", "Start again with the photo."),
    "photo-gone": ("The page no longer has the photo", "Choose it once more."),
}
TRY_AGAIN = "Try again"
