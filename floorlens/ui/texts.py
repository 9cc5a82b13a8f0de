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

# -- a card opened -----------------------------------------------------------------------------

# -- refine: chips, weights, likes --------------------------------------------------------------

# -- compare, shortlist, share ------------------------------------------------------------------

# -- catalogue page ----------------------------------------------------------------------------

PART_PRODUCTS, PART_ADDING, PART_UPKEEP = "Products", "Add products", "Upkeep"
KEY_TITLE = "A key, please"
KEY_TEXT = (
    "This page changes the catalogue or shows how the service works, so it asks for an admin key. "
    "The operator of the service makes one with `floorlens keys create NAME --scope admin`. It "
    "stays in this visit only: after a reload it is asked for again."
)
KEY_LABEL, KEY_SEND, KEY_OTHER = "Admin key", "Continue", "Enter another key"
KEY_REFUSALS = {
    "key-missing": "The service asks for a key.",
    "key-invalid": "The service does not know this key, or it was revoked. Check it for a slip.",
    "scope-missing": "The service knows this key, but it may not do this: it needs one with the "
    "scope admin.",
}
SEARCH_PRODUCTS, SEARCH_PRODUCTS_HINT = "Search products", "Search by name or id"
FILTERS, FILTERS_CHOSEN = "Filter", "Filter · {count} chosen"
NO_PRODUCTS = "The catalogue is empty. Add the first products under “Add products”."
NO_PRODUCTS_MATCH = "No product matches. Clear the search field or take a filter back."
PRODUCTS_SHOWN = "{first:,}–{last:,} of {total:,} products"
PAGE_BEFORE, PAGE_AFTER = "Previous", "Next"
OPEN_PRODUCT = "Open {name}"
CARD_ATTRIBUTES = ("material", "pattern", "tone")
EDITED = "edited"
NAME, ID, PRODUCT_ID = "Name", "Id", "Id: {id}"
PICTURE_ALT = "Picture {number} of {name}"
SAVE, SAVED, NOTHING_CHANGED = "Save changes", "Saved: {name}", "Nothing was changed."
FIELDS = "Fields of your own"
NEW_FIELD, NEW_FIELD_VALUE = "New field", "Its value"
FIELDS_HINT = "Empty a field to remove it. Parts of a list are separated by commas."
ATTRIBUTES = "Attributes"
ATTRIBUTE_NAMES = {
    "width_mm": "Board or tile width",
    "length_mm": "Board or tile length",
}
ORIGINS = {
    "measured": "Measured of its pictures; such a value is right in {confidence}.",
    "stated": "Stated by the product data.",
    "edited": "Set by hand.",
}
NOT_KNOWN = "Not known"
EDITED_BY_HAND = "Set by hand"
TAKE_BACK, TAKEN_BACK = "Take back {attribute}: {value}", "{attribute} is no longer set by hand"
DELETE, DELETED = "Delete this product …", "Deleted: {name}"
DELETE_TEXT = (
    "Delete **{name}** from the catalogue? Searches will not find it any more. The files of its "
    "pictures stay."
)
DELETE_YES, DELETE_NO = "Delete it", "Keep it"

SOURCE = "Where the products come from"
FROM_FILE, FROM_FOLDER, FROM_HAND = "A file", "A folder on the server", "One by hand"
FILE_TEXT = (
    "A ZIP of pictures (each a product, or with a list in it), or a list of products: CSV, Excel, "
    "JSON. Products that are there already are updated; none is removed."
)
DROP_LIST, CHOOSE_LIST = "Drop a ZIP or a list here", "Choose a file"
LIST_FORMATS = "ZIP, CSV, TSV, XLSX, JSON or JSONL"
SENDING, STARTING = "Sending {name} …", "All of it is sent; the import begins …"
UPLOAD_FAILED = "The file could not be sent. Try again in a moment."
UPLOAD_REFUSALS = {
    "service-unreachable": "The service does not answer. Try again in a moment.",
    "cross-site": "This page was open for long: reload it and try again.",
    "key-invalid": "The service does not know the key any more: reload this page.",
    "scope-missing": "This key may not import products: reload this page and enter another one.",
    "too-many-jobs": "Many imports wait already. Try again when some have ended.",
    "request-invalid": "This is no file of products. Send a ZIP, CSV, XLSX, JSON or JSONL file.",
}
FOLDER_TEXT = (
    "A folder on the machine of the service, in one of those that its operator allows with "
    "`FLOORLENS_IMPORT_FOLDERS`. The service does not list them: ask the operator."
)
FOLDER, FOLDER_HINT, IMPORT_START = "Folder", "such as spring, or /data/shop/spring", "Import"
IMPORT_OPTIONS = "Options"
ID_PREFIX, ID_PREFIX_HELP = "Put before every id", "So that the ids of two suppliers stay apart."
LAYOUT = "In a folder, a product is"
LAYOUT_AUTO, LAYOUT_FILES, LAYOUT_FOLDERS = "whichever fits", "each picture", "each sub-folder"
FETCH, FETCH_HELP = (
    "Fetch pictures at web addresses",
    "Only from hosts that the operator allows with FLOORLENS_FETCH_HOSTS.",
)
STRICT, STRICT_HELP = (
    "Refuse the whole list if one row is wrong",
    "Otherwise such a row fails and the others go on.",
)
NO_IMPORTS = "No imports yet."
SAME_PICTURES = "Products with the same pictures: {count} groups"
SAME_PICTURES_TEXT = "These cannot be told apart by their pictures, byte for byte."
SAME_PICTURES_COLUMN = "Ids"
PICTURES, PICTURES_HELP = "Pictures", "Up to {most}; the first one is shown in results."
ID_HELP = "Your article number; it must not be there yet."
FIELDS_PLACEHOLDER = "price = 49.90\nlink = https://shop.example/oak"
REPLACE = "Replace the product that has this id"
ADD, ADDING, ADDED = "Add the product", "Measuring its pictures …", "Added: {name}"
ADD_LACKS = "A product needs at least one picture and an id."

JOB_KINDS = {
    "import": "Import",
    "adaptation": "Adaptation",
    "rebuild": "Rebuild",
    "evaluation": "Evaluation",
}
JOB_TITLES = {
    "import": "Import of {name}",
    "adaptation": "Adaptation",
    "rebuild": "Rebuild",
    "evaluation": "Evaluation of {name}",
}
EARLIER_JOBS = {
    "import": "Imports so far",
    "adaptation": "Adaptations so far",
    "rebuild": "Rebuilds so far",
    "evaluation": "Evaluations so far",
}
JOB_FAILED = {
    "import": "The import failed",
    "adaptation": "The adaptation failed",
    "rebuild": "The rebuild failed",
    "evaluation": "The evaluation failed",
}
JOB_STATUSES = {
    "done": "Done on {when} in {seconds}",
    "failed": "Failed on {when} after {seconds}",
    "cancelled": "Cancelled on {when} after {seconds}; what was stored until then stays",
}
JOB_STAGES = {
    "starting": "Starting",
    "unpacking": "Unpacking",
    "fetching": "Fetching",
    "reading": "Reading the list",
    "importing": "Measuring products",
    "adapting": "Adapting the search",
    "rebuilding": "Measuring products anew",
    "simulating": "Simulating rooms",
    "measuring": "Measuring",
}
JOB_STEP = "{stage}: {done:,} of {total:,}"
JOB_WAITS = "Waits for its turn"
JOB_CANCELLING = "Ends before its next step …"
JOB_GOES_ON = "The work itself goes on in the service; we look again every few seconds."
JOB_AT_WORK = "At work: {kind} ({stage})"
CANCEL = "Cancel"
ROW_STATUSES = {
    "failed": "Failed",
    "added": "Added",
    "updated": "Updated",
    "unchanged": "Unchanged",
}
ROW_COLUMNS = ("Product", "Status", "Why", "Where in the list")
ROWS_LABEL = "What became of each product"
ROWS_CUT = "The first {count:,}; the file has all."
ROWS_DOWNLOAD = "Report as CSV"

PRODUCTS, SEARCHABLE, IMAGES, JOBS_NOW = "Products", "Searchable", "Pictures", "Jobs now"
ENGINE_FINE = "**Search works.** The vector engine answers."
ENGINE_AMISS = "**Search is impaired:** the vector engine cannot be used now (`{code}`)."
ADAPTED = "**Adapted:** the search is fitted to the differences between these products."
NOT_ADAPTED = (
    "**Not adapted:** the search compares as it does for any catalogue. An adaptation fits it to "
    "this one."
)
NOT_SEARCHABLE = "{count:,} products cannot be found yet: an import or rebuild has them at work."
MODELS, PART, WHAT = "Models and versions", "Part", "What it is"
STAGE_NAMES = {
    "segmenter": "Finds the floor",
    "normaliser": "Straightens it and corrects its light",
    "embedder": "Measures colour, texture, pattern",
    "reranker": "Compares closely",
}
PRESET, VERSION, ENGINES = "Preset", "Floorlens", "Vector engines"
ENGINE_OWN = "its own (exact)"
ADAPT, ADAPT_START = "Adapt the search", "Adapt now"
ADAPT_TEXT = (
    "Simulates rooms with your products and fits the search to what tells these products apart. "
    "Searches go on meanwhile. Worth it after many products have come or gone."
)
NO_ADAPTATION = "There was none yet."
ADAPTATION_DONE = (
    "Fitted on {products:,} products with {views} simulated rooms each; {simulated:,} rooms were "
    "simulated now."
)
ADAPTATION_LEFT = "The search was left as it was."
UNUSED = "{count:,} products could not be used"
REASON = "Why"
REBUILD, REBUILD_START = "Rebuild the catalogue", "Rebuild now"
REBUILD_TEXT = (
    "Measures all products anew with the models of today. Needed after the models have changed. "
    "Searches go on with the old measures meanwhile."
)
NO_REBUILD = "There was none yet."


def attribute(name: str) -> str:
    """Returns what an attribute or field is called."""
    return ATTRIBUTE_NAMES.get(name, name.replace("_", " ").capitalize())


def value(one: object) -> str:
    """Returns a value of an attribute or field in words."""
    if isinstance(one, bool):
        return "Yes" if one else "No"
    return f"{one:,g}" if isinstance(one, int | float) else str(one)


# -- evaluate page -----------------------------------------------------------------------------

# -- several rooms -----------------------------------------------------------------------------

BATCH_LINE = "Many rooms at once: each photo is searched after the other, and all end in one table."
SEVERAL = {
    "drop": "Drop photos of rooms here, as many as you like at a time",
    "choose": "Choose photos",
    "more": "Add photos",
    "most": "{most} rooms at most.",
    "tooMany": "That were too many: the first ones were taken.",
}
BATCH_SAMPLES = "Or try it with {count} sample rooms"
BATCH_STEP = "{done} of {total} rooms · now {name}"
BATCH_DONE = "All {total} rooms are done"
BATCH_STOPPED = "Stopped after {done} of {total} rooms"
BATCH_WAITS = "The rooms so far are safe. We ask again in a moment and go on from here."
BATCH_STOP, BATCH_GO_ON, BATCH_CLEAR = "Stop", "Go on", "Start over"
ROOM_NAME = "Room {number}"
NOTHING_CLOSE = "Nothing close in this catalogue"
ROOM_TABLE = {
    "caption": "Rooms and their closest products",
    "columns": ["Room", "Best match", "Second", "Third", "All matches"],
    "waiting": "Waits",
    "now": "Searching …",
    "open": "Open",
    "openOf": "Open the search of {name}",
    "photoAlt": "{name}, with its floor marked",
}
TOP_LABEL = "Matches of each room in the file"
AS_CSV, AS_XLSX = "Download CSV", "Download Excel"
TABLE_COLUMNS = (
    "Room",
    "Rank",
    "Product id",
    "Product",
    "Closeness",
    "Score",
    "All matches",
    "Remark",
)


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
