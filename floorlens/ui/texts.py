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
SHOWN = "{shown} of {total}"
GROUP = "Group designs"
GROUP_HELP = "Sizes and colours of one design share a card"
EQUALS = "These {count} look equally close"
REST = "Further matches"
PERCENT = "{name} {share} %"
ONE_VARIANT, VARIANTS = "+1 more of this design", "+{count} more of this design"
RIGHT_BADGE, WRONG_BADGE = "Right", "Wrong"
COMPARED_BADGE, LISTED_BADGE = "Compared", "Shortlisted"
ACTIONS = "Actions for {name}"
COMPARE, UNCOMPARE = "Compare", "Do not compare"
SHORTLIST, UNSHORTLIST = "Shortlist", "Take off the shortlist"
MORE_LIKE, LESS_LIKE = "More like this", "Less like this"
SHOP, SHOP_LABEL = "Shop", "{name} in the shop, in a new tab"
YES, NO = "Yes", "No"

# -- a card opened -----------------------------------------------------------------------------

CLOSE = "Close"
RANK = "Place {rank}"
BESIDE = "Side by side"
WIPE_LABEL = "How much of the floor is shown beside the product"
WIPE_FLOOR, WIPE_PRODUCT = "Your floor", "This product"
WIPE_VALUE = "{share} % floor"
# What the common scale of floor and product rests on.
SCALES = {
    "patterns": "Both at one scale: their patterns agree at it.",
    "sizes": "Both at about one scale, by the size of the boards in the product data.",
    "usual": "The scale is a guess, from what product pictures usually show.",
    "unknown": "The scale is not known: each is shown whole.",
    None: "Your floor from above. The scale of the product's picture is not known.",
}
COLOURS = "Colours"
COLOUR_PLACES = ("Darkest", "Dark", "Middle", "Light", "Lightest")
# From which colour difference (ΔE, CIE 1976) on which word.
DIFFERENCES = (
    (0.0, "hardly visible"),
    (3.0, "slightly different"),
    (7.0, "different"),
    (14.0, "clearly different"),
)
PATCHES = "Where they look alike"
PATCHES_ALT = "Patches of your floor, each above the patch of {name} that looks most like it"
ALIKE = "{share} % alike"
LIKENESS = "How alike"
ATTRIBUTES_TITLE = "Properties"
ATTRIBUTE_HEAD, FLOOR_HEAD, PRODUCT_HEAD = "Property", "Your floor", "This product"
ATTRIBUTES = {
    "tone": "Tone",
    "lightness": "Lightness",
    "colour": "Colour family",
    "undertone": "Undertone",
    "material": "Looks like",
    "pattern": "Laid as",
    "joints": "Joints seen",
    "piece_width": "Width of a piece",
    "piece_length": "Length of a piece",
    "width_mm": "Width",
    "length_mm": "Length",
    "variation": "Variation",
    "spread": "Spread between pieces",
    "grain": "Grain",
    "marks": "Marks",
    "knots": "Knots",
    "veins": "Veins",
    "gloss": "Finish",
}
ORIGINS = {"measured": "measured", "stated": "from the product data", "edited": "set by hand"}
# From which confidence on which word.
CONFIDENCES = ((0.0, "uncertain"), (0.6, "likely"), (0.8, "quite sure"), (0.95, "sure"))
OF_PICTURE = "{share} % of the picture"
DETAILS = "Details"
LINK_LABEL = "Open in a new tab"
DESIGN = "More of this design"
DESIGN_KINDS = {
    "equal picture": "Same picture",
    "same picture": "Same picture",
    "other format": "Other format",
    "other colour": "Other colour",
    "same name": "Same name",
}
SIMILAR = "More like this"
SEARCH_LIKE = "Search like this"
JUDGE = "Is this your floor?"
RIGHT, WRONG = "Yes, this is it", "No, it is not"
THANKS = "Thank you. It helps to make the search better."
TAKEN_BACK = "Taken back."
NOT_KEPT = "The service could not keep it. Try again."
COMPARING = "Comparing it with your floor"
NOT_COMPARED = "The comparison is not there just now."
NO_PRODUCT = "This product is no longer in the catalogue."
NO_KEPT = "The service keeps no searches, so it cannot be compared with your floor."

# -- refine: chips, weights, likes --------------------------------------------------------------

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
