"""All that the page says, in English. A translation is another module of these names."""

from __future__ import annotations

# -- frame -------------------------------------------------------------------------------------

TITLE = "Floorlens"
ICON_TEXT = "Floorlens"
FIND, CATALOGUE, EVALUATE, BATCH = "Find a floor", "Catalogue", "Evaluate", "Several rooms"

# -- first screen ------------------------------------------------------------------------------

HEADING = "Find this floor"
LINE = "Show us a room. We find the floor and rank every product by how closely it matches."
DROP = "Drop a photo of a room here"
DROP_TOUCH = "Show us a room"
PASTE = "or paste one from the clipboard"
CHOOSE = "Choose a photo"
CAMERA = "Take a photo"
SAMPLES = "Or try one of these rooms"
SAMPLE_ALT = "Sample room: {title}"
NO_SAMPLES = "The sample rooms are not installed here. Your own photo works just as well."
# "{time}" is made of the service's own setting.
PRIVACY = "Your photo goes to this shop's own Floorlens service and nowhere else."
PRIVACY_KEPT = "It is deleted after {time}."
PRIVACY_NOT_KEPT = "It is not stored there."
HOUR, HOURS, DAY, DAYS = "an hour", "{count} hours", "a day", "{count} days"
FORMATS = "JPEG, PNG, HEIC, WebP or TIFF, up to {megabytes} MB"
UPLOADING = "Sending the photo"
DROP_ANYWHERE = "Drop the photo anywhere"
PHOTO_CHOSEN = "The photo you chose"
COUNT = "{count} products to compare with"
# What the browser says itself, before or instead of the service.
REFUSED_EMPTY = ("This file is empty", "Choose another one.")
REFUSED_KIND = ("This is not a photo", "Choose a picture: JPEG, PNG, HEIC, WebP or TIFF.")
REFUSED_SIZE = (
    "This file is too large",
    "It has {size} MB, and this service takes up to {megabytes} MB. Save it smaller, or send a "
    "screenshot of it.",
)
REFUSED_LINE = ("The photo did not arrive", "Check the connection and choose it once more.")
REFUSED_BUSY = ("Much to do just now", "Choose the photo once more in a minute.")
EMPTY_CATALOGUE = "No products yet"
EMPTY_CATALOGUE_CURE = (
    "The service has nothing to compare a floor with. Import products on the page Catalogue, or "
    "with `floorlens index FOLDER` where the service runs; this page notices."
)

# -- progress ----------------------------------------------------------------------------------

STAGES = {
    "decode": "Reading the photo",
    "segment": "Finding the floor",
    "normalise": "Straightening it",
    "embed": "Measuring colour, texture and pattern",
    "retrieve": "Searching the catalogue",
    "rerank": "Comparing closely",
    "collect": "Putting it into words",
}
WORKING = "Working"
WORKING_TITLE = "Looking at your photo"
OPENING = "Opening the search"

# -- the photo ---------------------------------------------------------------------------------

PHOTO_ALT = "The room, with its floor marked"
PHOTO_PLAIN_ALT = "The room"
CORRECT = "Correct the floor"
DRAW = "Draw the floor"
DONE = "Done"
ENLARGE = "Enlarge"
TOOLS = "How to mark the floor"
TAP_ADD, TAP_REMOVE, BOX, POLYGON = "Add", "Remove", "Box", "Outline"
UNDO, RESET, OTHER_PHOTO = "Undo", "Start over", "Another photo"
CLOSE_OUTLINE = "Close the outline"
OPACITY = "Mark strength"
HINTS = {
    "add": "Tap what is floor and was left out.",
    "remove": "Tap what is marked and is no floor.",
    "box": "Drag a box around the floor.",
    "outline": "Tap from corner to corner; a double tap closes the outline.",
    "keys": "Arrow keys move a cursor, Enter taps, Escape drops what is half drawn.",
}
UPDATING = "Looking again"
DOUBTFUL = "We are not sure about this floor"
# By what the service's reason begins with.
DOUBTS = {
    "too small": "Only a little floor is in sight: a photo with more of it ranks better.",
    "too dark": "The floor is too dark to tell its colours: take the photo in daylight.",
    "mostly rug": "Rugs cover more than the floor does: remove them, or mark the bare floor.",
    "unsure": "The mark may be off: correct it on the photo if it is.",
    "sideways": "The photo seems to lie on its side: turn it upright, or mark the floor yourself.",
}
FLOOR_SHARE = "Floor: {share} of the photo"

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

TRAY = "Products to compare"
COMPARE_COUNT = "Compare {count} of {most}"
UNCOMPARE_NAME = "Do not compare {name}"
COMPARE_TITLE = "Beside your floor"
ONLY_DIFFERENCES = "Only differences"
AS_FLOOR, UNLIKE_FLOOR = "as your floor", "unlike your floor"
PRICE, MATERIAL, REASON, COLOURS_ROW = "Price", "Material", "In words", "Colours, dark to light"
FLOOR_COLOURS, PRODUCT_COLOURS = "Colours of your floor", "Colours of {name}"
DELTAS = "ΔE {deltas}"
NOTHING = "–"
PASSING, COUNTED = "{count} of {whole:,}", "products"
SHARE, SHARE_TITLE = "Share", "Share this search"
LINK, COPY_LINK, SHARE_NATIVE = "Link to this search", "Copy link", "Send"
COPIED = "Link copied"
NOT_COPIED = "The link is marked above: copy it by hand."
LINK_UNTIL = (
    "Whoever has the link sees the photo and these results, until {time}. Then they are deleted."
)
NO_LINK = "This service keeps no searches, so there is no link to this one and no file of it."
LINK_HERE = "This page runs on this computer alone: the link works nowhere else."
CARRIES = "The shortlist goes along: {count}."
WHOLE_RANKING = "The whole ranking"
FILE_HINT = "{name} as {kind}"
SHORTLIST_TITLE, SHORTLIST_COUNT = "Shortlist", "Shortlist: {count}"
SHORTLIST_EMPTY = "Nothing yet. Put products aside from their cards, to keep, print or send them."
SHORTLIST_CLEAR = "Remove all"
LOCALE = "en-GB"

# -- catalogue page ----------------------------------------------------------------------------

# -- evaluate page -----------------------------------------------------------------------------

# -- several rooms -----------------------------------------------------------------------------

# -- problems: code of an error -> title, and the text where the service's own will not do --------

UNABLE = "The service cannot search now"
NOTHING_LOST = "Nothing is lost. We ask again every few seconds."
_A_MOMENT = "Your photo is safe. We ask again in a moment."
_WAITING = "Your photo is safe. We ask again every few seconds."
PROBLEMS: dict[str, tuple[str, str]] = {
    "no-floor-found": (
        "No floor in sight",
        "Draw it: drag a box around the floor on the photo, or choose Outline and tap from corner "
        "to corner.",
    ),
    "nothing-to-rank": ("Nothing is left", "No product passes what you asked for."),
    "region-invalid": (
        "This mark does not work",
        "Mark a larger piece of floor on the photo.",
    ),
    "filter-invalid": ("This filter does not work", ""),
    "image-unreadable": (
        "This file is not a photo we can read",
        "It is damaged, or no picture at all. Choose another one, or save it anew as JPEG.",
    ),
    "image-timeout": ("This photo takes too long to read", "Save it anew as JPEG, or smaller."),
    "image-too-large": ("This photo is too large", ""),
    "upload-too-large": ("This file is too large", ""),
    "missing-dependency": (
        "This kind of photo cannot be read here",
        "The service lacks what reads HEIC. Send the photo as JPEG: on an iPhone, Settings, "
        "Camera, Formats, Most Compatible.",
    ),
    "service-unreachable": ("The service does not answer", _WAITING),
    "service": ("The service does not answer", _WAITING),
    "busy": ("Much to do just now", _A_MOMENT),
    "deadline": ("Much to do just now", _A_MOMENT),
    "too-many-connections": (
        "Much to do just now",
        "Your photo is safe. We ask again in a moment.",
    ),
    "rate-exceeded": ("A little too fast", "We ask again in a moment."),
    "decoder-unavailable": ("The service cannot read photos just now", _WAITING),
    "catalogue-busy": ("The catalogue is being changed", _WAITING),
    "catalogue-replaced": ("The catalogue is being replaced", _WAITING),
    "engine-unavailable": ("The search engine does not answer", _WAITING),
    "engine": ("The search engine does not answer", _WAITING),
    "settings-invalid": ("The page is not set up", ""),
    "internal": (
        "Something went wrong in the service",
        "Try again. If it stays so, its log says why.",
    ),
    "key-missing": (
        "The service asks for a key",
        "Whoever runs this page makes one with `floorlens keys create` and sets FLOORLENS_API_KEY.",
    ),
    "key-invalid": (
        "The service does not know the page's key",
        "It was revoked or mistyped: whoever runs this page sets FLOORLENS_API_KEY anew.",
    ),
    "scope-missing": (
        "The page's key may not do this",
        "Whoever runs this page makes a key with the scope `search`.",
    ),
    "search-not-found": (
        "This search is no longer kept",
        "Searches are deleted after a while. Show us the photo again.",
    ),
    "photo-gone": ("The page no longer has the photo", "Choose it once more."),
}
TRY_AGAIN = "Try again"
CLEAR_FILTER = "Clear the filter"
DISMISS = "Keep what was there"
NOTHING_CLOSE = "Nothing close in this catalogue"
DEGRADED = (
    "The vector engine does not answer, so the service searched its own copy. The ranking is "
    "right, only slower."
)
NOT_KEPT = "This service keeps no searches, so a link to this one cannot be shared."
