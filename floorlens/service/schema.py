"""The tables of what a service keeps."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

SCHEMA_VERSION = 1

metadata = MetaData()

state = Table(
    "state",
    metadata,
    Column("schema_version", Integer, nullable=False),
)

# Secrets of the service itself, such as the one that signs addresses of pictures.
secrets = Table(
    "secrets",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)

# Times are seconds since 1970, UTC.
keys = Table(
    "keys",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    # SHA-256 of the secret, which has 256 random bits: nothing slower is needed.
    Column("digest", String(64), nullable=False, unique=True),
    Column("scopes", Text, nullable=False),  # JSON list
    Column("rate", Integer),  # requests a minute; NULL: the setting's
    Column("created", Float, nullable=False),
    Column("revoked", Float),
)

# A token bucket for each key, or client address where there are no keys.
rates = Table(
    "rates",
    metadata,
    Column("owner", String, primary_key=True),
    Column("tokens", Float, nullable=False),
    Column("updated", Float, nullable=False),
)

# The photos of a search, at working size, without what the camera wrote beside them. Searches that
# began as one share them, and so they do what the photos show.
photos = Table(
    "photos",
    metadata,
    Column("upload_id", String, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("bytes", Integer, nullable=False),
    Column("content_hash", String, nullable=False),  # of the file that was sent
    Column("width", Integer, nullable=False),  # of the photo itself
    Column("height", Integer, nullable=False),
    Column("jpeg", LargeBinary, nullable=False),
)
# All that is asked of each row to know how much there is: no photo is read for it.
Index("photos_by_bytes", photos.c.upload_id, photos.c.bytes)

sights = Table(
    "sights",
    metadata,
    Column("id", String, primary_key=True),
    Column("bytes", Integer, nullable=False),
    Column("encoder", String, nullable=False),  # which models made its features
    Column("content", LargeBinary, nullable=False),
)
Index("sights_by_bytes", sights.c.id, sights.c.bytes)

searches = Table(
    "searches",
    metadata,
    Column("id", String, primary_key=True),
    Column("key_id", String),  # NULL: made without a key
    Column("created", Float, nullable=False),
    Column("expires", Float, nullable=False),
    Column("upload_id", String, nullable=False),
    Column("sight_id", String, nullable=False),
    Column("bytes", Integer, nullable=False),  # of the query, which may hold a mask
    Column("query", Text, nullable=False),  # JSON
)
Index("searches_by_bytes", searches.c.bytes)
Index("searches_by_expiry", searches.c.expires)
Index("searches_by_creation", searches.c.created)
Index("searches_by_upload", searches.c.upload_id)
Index("searches_by_sight", searches.c.sight_id)

jobs = Table(
    "jobs",
    metadata,
    # It begins with the time: in the order of ids the jobs are in the order of their making.
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),  # import, adaptation, rebuild, evaluation
    Column("status", String, nullable=False),  # queued, running, done, failed, cancelled
    Column("key_id", String),
    Column("created", Float, nullable=False),
    Column("started", Float),
    Column("ended", Float),
    Column("arguments", Text, nullable=False),  # JSON, may name paths of the server
    Column("request", Text, nullable=False),  # JSON, what clients see of the arguments
    Column("stage", String, nullable=False),
    Column("done", Integer, nullable=False),
    Column("total", Integer, nullable=False),
    Column("counts", Text, nullable=False),  # JSON, status of rows -> how many
    Column("attempts", Integer, nullable=False),
    Column("cancel", Integer, nullable=False),
    Column("report", Text),  # JSON
    Column("code", String),  # of the error that ended it
    Column("detail", Text, nullable=False),  # what clients see of that error, beside its code
)
Index("jobs_by_status", jobs.c.status)

# What became of each row of an import.
job_rows = Table(
    "job_rows",
    metadata,
    Column("job_id", ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("product_id", String, nullable=False),
    Column("status", String, nullable=False),
    Column("row", Text, nullable=False),  # JSON
)
Index("job_rows_by_status", job_rows.c.job_id, job_rows.c.status, job_rows.c.position)

# Kept beyond the search that it was given for: photos and floors are copied, once for all searches
# that began as one, however often they are refined. A verdict holds for all of these: a key has
# one of a product and an upload (of an earlier Floorlens one for each search), the latest counts.
feedback = Table(
    "feedback",
    metadata,
    Column("search_id", String, primary_key=True),
    Column("product_id", String, primary_key=True),
    Column("verdict", String, nullable=False),  # right, wrong
    Column("key_id", String),
    Column("created", Float, nullable=False),
    Column("upload_id", String, nullable=False),
    Column("sight_id", String, nullable=False),
    Column("bytes", Integer, nullable=False),
)
Index("feedback_by_creation", feedback.c.created)
Index("feedback_by_upload", feedback.c.upload_id)
Index("feedback_by_sight", feedback.c.sight_id)
Index("feedback_by_bytes", feedback.c.bytes)
feedback_photos = Table(
    "feedback_photos",
    metadata,
    Column("upload_id", String, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("bytes", Integer, nullable=False),
    Column("jpeg", LargeBinary, nullable=False),
)
Index("feedback_photos_by_bytes", feedback_photos.c.bytes)
feedback_floors = Table(
    "feedback_floors",
    metadata,
    Column("sight_id", String, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("upload_id", String, nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("mask", LargeBinary, nullable=False),  # PNG
)
Index("feedback_floors_by_bytes", feedback_floors.c.bytes)
