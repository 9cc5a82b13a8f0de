"""All that the page says, in English. A translation is another module of these names."""

from __future__ import annotations

# -- frame -------------------------------------------------------------------------------------

TITLE = "Floorlens"
FIND, CATALOGUE, EVALUATE, BATCH = "Find a floor", "Catalogue", "Evaluate", "Several rooms"
MENU, CLOSE_MENU = "Menu", "Close the menu"

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
FIRST_SCREEN = "Back to the first screen"
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
PHOTO_OF = "Photo {number} of {count} of this search"

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
EQUALS = "Most likely one of these {count}"
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
STRAIGHTENING = "Laying your floor beside it"
# What the common scale of floor and product rests on.
SCALES = {
    "patterns": "Both at one scale: their patterns agree at it.",
    "sizes": "Both at about one scale, by the size of the boards in the product data.",
    "usual": "The scale is a guess, from what product pictures usually show.",
    "unknown": "The scale is not known: each is shown whole.",
}
COLOURS = "Colours"
COLOUR_PLACES = ("Darkest", "Dark", "Middle", "Light", "Lightest")
# From which colour difference (ΔE, CIE 1976) on which word.
DIFFERENCES = (
    (0.0, "hardly visible"),
    (2.3, "slightly different"),
    (6.0, "different"),
    (12.0, "clearly different"),
)
PATCHES = "Where they look alike"
PATCHES_ALT = "Patches of your floor, each above the patch of {name} that looks most like it"
ALIKE = "{share} % alike"
LIKENESS = "How alike"
ATTRIBUTES_TITLE = "Properties"
# Of most, so it is said once above them.
ATTRIBUTES_MEASURED = "Measured in the pictures, unless it says otherwise."
ATTRIBUTE_HEAD, FLOOR_HEAD, PRODUCT_HEAD = "Property", "Your floor", "This product"
PROPERTY_NAMES = {
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
PROPERTY_ORIGINS = {
    "stated": "from the product data",
    "edited": "set by hand",
}
# From which confidence on which word; most are sure, which is not said of each.
CONFIDENCES = ((0.0, "uncertain"), (0.6, "likely"), (0.8, ""))
OF_PICTURE = "{share} % of the picture"
DETAILS = "Details"
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
VERDICT_TAKEN_BACK = "Taken back."
VERDICT_NOT_KEPT = "The service could not keep it. Try again."
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
SOME_PRODUCTS, ONE_PRODUCT = "{count} products", "1 product"
FIELD_NAMES = {
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
TRAY_FULL = "{most} products can be compared: the one that waited longest made room."
SHORTLIST_FULL = "The shortlist holds {most} products: the one that was there longest made room."
COMPARE_COUNT = "Compare {count} of {most}"
UNCOMPARE_NAME = "Do not compare {name}"
COMPARE_TITLE = "Beside your floor"
ONLY_DIFFERENCES = "Only differences"
AS_FLOOR, UNLIKE_FLOOR = "as your floor", "unlike your floor"
PRICE_ROW, MATERIAL_ROW, REASON_ROW, COLOURS_ROW = (
    "Price",
    "Material",
    "In words",
    "Colours, dark to light",
)
FLOOR_COLOURS, PRODUCT_COLOURS = "Colours of your floor", "Colours of {name}"
DELTAS = "ΔE {deltas}"
SEAM_ROW, SEAM_FLOOR = "Edge to edge", "Left your floor, right the product."
SEAM_ALT = "Your floor on the left meets {name} on the right"
# What the common scale of floor and product rests on.
SEAM_SCALES = {
    "patterns": "At one scale",
    "sizes": "At about one scale",
    "usual": "Scale guessed",
    "unknown": "Scale unknown",
}
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
OWN_FIELDS = "Fields of your own"
NEW_FIELD, NEW_FIELD_VALUE = "New field", "Its value"
FIELDS_HINT = "Empty a field to remove it. Parts of a list are separated by commas."
ATTRIBUTES_HEAD = "Attributes"
ATTRIBUTE_NAMES = {
    "width_mm": "Board or tile width",
    "length_mm": "Board or tile length",
}
ORIGIN_NOTES = {
    "measured": "Measured of its pictures; such a value is right in {confidence}.",
    "stated": "Stated by the product data.",
    "edited": "Set by hand.",
}
NOT_KNOWN = "Not known"
EDITED_BY_HAND = "Set by hand"
TAKE_BACK, EDIT_TAKEN_BACK = (
    "Take back {attribute}: {value}",
    "{attribute} is no longer set by hand",
)
DELETE, DELETED = "Delete this product …", "Deleted: {name}"
DELETE_TEXT = (
    "Delete **{name}** from the catalogue? Searches will not find it any more. The files of its "
    "pictures stay."
)
DELETE_YES, DELETE_NO = "Delete it", "Keep it"

SOURCE = "Where the products come from"
FROM_FILE, FROM_FOLDER, FROM_HAND = "File", "Server folder", "By hand"
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
    "evaluation": "{measure} in {name}",
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

PRODUCT_COUNT, SEARCHABLE, IMAGES, JOBS_NOW = "Products", "Searchable", "Pictures", "Jobs now"
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

EVALUATE_LINE = (
    "Measures how well the search does on photos whose answers are known. Each measurement makes "
    "a catalogue of its own; yours stays as it is."
)
MEASURE = "What is measured"
MEASURES = {
    "pairs": "Rooms and the product on their floor",
    "ranking": "Rankings, against grades that people gave",
    "masks": "Where the floor is, against masks that people drew",
}
MEASURE_FILES = {
    "pairs": "The folder has rooms/, products/ and pairs.csv.",
    "ranking": "The folder has queries/, products/ and judgments.csv.",
    "masks": "The folder has images/ and masks/.",
}
MEASURE_TITLES = {
    "pairs": "Rooms and products",
    "ranking": "Rankings",
    "masks": "Floor masks",
}
EVALUATE_START = "Measure"
NO_EVALUATION = "Nothing was measured yet."
EVALUATION_LEAD = "**{n:,} photos**, {seconds} s for each."
FIGURE, FIGURE_VALUE, FIGURE_INTERVAL = "Figure", "Value", "95 % interval"
FIGURE_MEANING = "What it means"
FIGURES = {
    "top1": ("Recall@1", "So many rooms have their own product in first place."),
    "top5": ("Recall@5", "So many have it among the first five."),
    "top10": ("Recall@10", "So many have it among the first ten."),
    "mrr": ("MRR", "The mean of 1 / place: 1 if it is always first."),
    "median_rank": ("Median place", "Half of the rooms have their product there or before."),
    "hard10_top1": ("Hard recall@1", "First among the ten products whose colour is nearest."),
    "hard10_top3": ("Hard recall@3", "Among the first three of those ten."),
    "ndcg@10": ("nDCG@10", "How well the first ten agree with the grades: 1 is the best order."),
    "iou": ("IoU", "Overlap of found and true floor, over the pixels of all photos."),
    "mean_iou": ("Mean IoU", "The same, as the mean over the photos with a floor."),
    "boundary_f": ("Boundary F", "How well the floor's edge is met."),
    "false_floor": ("False floor", "Share called floor in photos that have none: 0 is the best."),
    "visible_auroc": ("AUROC of floors", "How well photos with a floor are told from others."),
    "refused": ("Refused", "Photos with a large floor that are refused: 0 is the best."),
    "accepted_floorless": (
        "Floorless accepted",
        "Photos without a floor that are searched all the same: 0 is the best.",
    ),
}
NO_SHARES = ("median_rank",)
FIGURES_ALT = "The figures from 0 to 1, each a dot on the line of its 95 % interval"
CHART_TIPS = {"value": "Value", "low": "From", "high": "To"}
BY_SOURCE, SOURCE_NAME, PHOTOS = "By source", "Source", "Photos"
CALIBRATION = "Can the scores be believed?"
CALIBRATION_TEXT = (
    "Each dot is a group of photos by the score of their first match; on the dashed line the "
    "score is as often right as it says. The mean distance (ECE) is **{ece}**."
)
RELIABILITY_X, RELIABILITY_Y = "Score of the first match", "Share that is right"
RELIABILITY_ALT = "Reliability diagram: how often first matches of a score are right"
SCORE_FIGURES = {
    "base_rate": "First matches that are right: **{value:.0%}**",
    "mean_score": "Their mean score: **{value:.2f}**",
    "equals_cover": "The right product is among those that cannot be told apart: **{value:.0%}**",
    "equals_median": "Products that cannot be told apart, the median: **{value:g}**",
    "nothing_close": "“Nothing close” was said although it is there: **{value:.0%}**",
    "nothing_close_taken_out": (
        "“Nothing close” was said when the product was taken out: **{value:.0%}**"
    ),
    "taken_out_auroc": "How well both are told apart (AUROC): **{value:.2f}**",
}
WORST = "What came out worst"
WORST_TEXT = "The worst first: the places to look at before anything is changed."
WORST_ALL = "Show all {count}"
CASE_PICTURES = {
    "room": "The room, with its floor",
    "photo": "The photo",
    "true": "The true floor",
    "predicted": "The floor that was found",
    "difference": "Missed (red), wrong (blue)",
}
CASE_RIGHT, CASE_PLACE = "the right one", "place {place}"
CASE_SCORE, CASE_GRADE = "score {score:.2f}", "grade {grade}"
EVALUATION_FAILURES = "{count:,} files could not be used"
REPORT_JSON, REPORT_CSV = "Report as JSON", "Photos as CSV"


# -- several rooms -----------------------------------------------------------------------------

BATCH_LINE = "Many rooms at once: each photo is searched after the other, and all end in one table."
SEVERAL = {
    "drop": "Drop photos of rooms here, as many as you like at a time",
    "choose": "Choose photos",
    "more": "Add photos",
    "most": "{most} rooms at most.",
    "tooMany": "Those were too many: the first ones were taken.",
}
BATCH_SAMPLES = "Or try it with {count} sample rooms"
BATCH_STEP = "{done} of {total} rooms · now {name}"
BATCH_DONE = "All {total} rooms are done"
BATCH_STOPPED = "Stopped after {done} of {total} rooms"
BATCH_WAITS = "The rooms so far are safe. We ask again in a moment and go on from here."
BATCH_STOP, BATCH_GO_ON, BATCH_CLEAR = "Stop", "Go on", "Start over"
ROOM_NAME = "Room {number}"
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
NOTHING_LOST = "Nothing is lost. We ask again every few seconds."
_A_MOMENT = "Your photo is safe. We ask again in a moment."
_WAITING = "Your photo is safe. We ask again every few seconds."
PROBLEMS: dict[str, tuple[str, str]] = {
    "no-floor-found": (
        "No floor in sight",
        "If there is one, draw it: drag a box around it on the photo, or choose Outline and tap "
        "from corner to corner. If there is none, take a photo with more of the floor in it.",
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
NOTHING_CLOSE = "Nothing in this catalogue is close"
NOTHING_CLOSE_CURE = (
    "These are the nearest all the same. If the mark on the photo is off, correct it."
)
NOTHING_CLOSE_FILTERED = "Or clear the filter: it leaves out some products."
DEGRADED = (
    "The vector engine does not answer, so the service searched its own copy. The ranking is "
    "right, only slower."
)
