"""Everything Floorlens raises on purpose.

FloorlensError                     base; `code` is stable, the rest serves CLI and HTTP
├── UsageError                     the caller asked for something that has no meaning
│   ├── FilterError                a `where=` filter is not of the filter language
│   ├── RegionError                a box, polygon, mask or click is not usable on this photo
│   ├── SettingsError              a setting or preset is unknown or out of range
│   └── EngineUnsupported          a vector engine cannot do what was asked of it
├── InputError                     what was given cannot be read
│   ├── ImageError                 not an image, truncated, empty, or too small
│   │   ├── ImageTooLarge          more pixels than `FLOORLENS_MAX_MEGAPIXELS` allows
│   │   └── ImageTimeout           takes longer to decode than `FLOORLENS_PICTURE_SECONDS`
│   ├── ProductSourceError         a product folder or list is not usable as a whole
│   └── DatasetError               an evaluation folder lacks a file or column
├── NoFloorFound                   the photo shows no floor that could be searched for
├── NothingToRank                  the catalogue, or what the filter leaves of it, is empty
├── CatalogueError                 the catalogue cannot be used as asked
│   ├── CatalogueNotFound          nothing lies at that path and creating was not asked for
│   ├── CatalogueReplaced          another catalogue lies where the one lay that was opened
│   ├── StampMismatch              made with another preset or model version
│   │   └── GenerationChanged      another process put other features in their place meanwhile
│   ├── SchemaMismatch             made by a newer Floorlens
│   ├── CatalogueBusy              another process is at work that only one may do at a time
│   └── ProductNotFound            no product of that id
├── EngineError                    the vector engine cannot be used; the catalogue is whole
│   ├── EngineUnavailable          it does not answer, or too slowly
│   ├── EngineDenied               it refuses the key, or the key may not do this
│   ├── EngineQuota                its quota or rate limit is used up
│   ├── EngineMismatch             what it holds has another stamp or dimension
│   ├── EngineRefused              it cannot keep one of the products
│   └── CollectionNotFound         it has nothing of that name
├── StateError                     what a service keeps cannot be read or written
│   ├── KeyNotFound                no API key of that id
│   ├── SearchNotFound             no search of that id is kept, or it belongs to another key
│   ├── FeedbackNotFound           nothing was said of a search of that id
│   ├── FeedbackFull               what people say takes as much as it may
│   └── JobNotFound                no job of that id
├── ServiceError                   the service answered a client with an error, or with nonsense
│   └── ServiceUnreachable         nothing answers at the service's address, or too slowly
├── DecoderUnavailable             no process can be started now to decode a picture
├── MissingDependency              an optional extra is not installed
└── ModelUnavailable               a model is neither on this machine nor can it be fetched
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType


class FloorlensError(Exception):
    """Base of all errors that Floorlens raises on purpose; its text is fit to be shown.

    `fields` says of what was asked which part is wrong, and why: argument -> cause and cure. It
    names nothing but what was asked and what products have, so that a service may show it to
    strangers, where the text may name a path.
    """

    code = "error"
    exit_code = 1
    status = 500

    def __init__(self, *args: object, fields: Mapping[str, str] = MappingProxyType({})) -> None:
        super().__init__(*args)
        self.fields = dict(fields)


class UsageError(FloorlensError):
    """The caller asked for something that has no meaning."""

    code = "usage"
    exit_code = 2
    status = 422

    @classmethod
    def about(cls, field: str, message: str) -> UsageError:
        """Returns the error whose text is about one argument alone, and so is fit for `fields`."""
        return UsageError(message, fields={field: message})


class FilterError(UsageError):
    """A `where=` filter is not of the filter language, or names a field that no product has.

    Its text is about the filter alone, and so is fit for `fields`.
    """

    code = "filter-invalid"

    def __init__(self, message: str) -> None:
        super().__init__(message, fields={"where": message})


class RegionError(UsageError):
    """A box, polygon, mask or click is not usable on this photo.

    Its text is about them alone, and so is fit for `fields`.
    """

    code = "region-invalid"

    def __init__(self, message: str, field: str = "region") -> None:
        super().__init__(message, fields={field: message})


class SettingsError(UsageError):
    """A setting or a preset is unknown or out of range."""

    code = "settings-invalid"


class EngineUnsupported(UsageError):
    """A vector engine cannot do what was asked of it: a filter, a k, a value in the metadata."""

    code = "engine-unsupported"


class InputError(FloorlensError):
    """What was given cannot be read."""

    code = "input"
    exit_code = 3
    status = 422


class ImageError(InputError):
    """Not an image, truncated, empty, or too small to be of use."""

    code = "image-unreadable"
    status = 415


class ImageTooLarge(ImageError):
    """The image has more pixels than `FLOORLENS_MAX_MEGAPIXELS` allows."""

    code = "image-too-large"
    status = 413


class ImageTimeout(ImageError):
    """The image takes longer to decode than `FLOORLENS_PICTURE_SECONDS` allows."""

    code = "image-timeout"
    status = 422


class ProductSourceError(InputError):
    """A folder or list of products is not usable as a whole."""

    code = "product-source-invalid"


class DatasetError(InputError):
    """An evaluation folder lacks a file or a column."""

    code = "dataset-invalid"


class NoFloorFound(FloorlensError):
    """The photo shows no floor that could be searched for."""

    code = "no-floor-found"
    exit_code = 4
    status = 422


class NothingToRank(FloorlensError):
    """The catalogue, or what the filter leaves of it, is empty."""

    code = "nothing-to-rank"
    exit_code = 5
    status = 404


class CatalogueError(FloorlensError):
    """The catalogue cannot be used as asked."""

    code = "catalogue"
    exit_code = 6
    status = 503


class CatalogueNotFound(CatalogueError):
    """Nothing lies at that path, and creating it was not asked for."""

    code = "catalogue-not-found"


class CatalogueReplaced(CatalogueError):
    """Another catalogue lies where the one lay that was opened; `Floorlens` follows it."""

    code = "catalogue-replaced"


class StampMismatch(CatalogueError):
    """The catalogue was made with another preset or model version."""

    code = "stamp-mismatch"


class GenerationChanged(StampMismatch):
    """Another process rebuilt or adapted the catalogue meanwhile."""


class SchemaMismatch(CatalogueError):
    """The catalogue was made by a newer Floorlens."""

    code = "schema-mismatch"


class CatalogueBusy(CatalogueError):
    """Another process is at work that only one may do at a time."""

    code = "catalogue-busy"


class ProductNotFound(CatalogueError):
    """No product has that id."""

    code = "product-not-found"
    exit_code = 3
    status = 404


class EngineError(FloorlensError):
    """The vector engine cannot be used; the catalogue, of which it holds a copy, is whole."""

    code = "engine"
    exit_code = 6
    status = 503


class EngineUnavailable(EngineError):
    """The engine does not answer, or too slowly: the same call may succeed later."""

    code = "engine-unavailable"


class EngineDenied(EngineError):
    """The engine refuses the key or the login, or they may not do this."""

    code = "engine-denied"


class EngineQuota(EngineError):
    """The engine's quota or rate limit is used up."""

    code = "engine-quota"


class EngineMismatch(EngineError):
    """What the engine holds under that name has another stamp or dimension.

    `stamp` is the stamp that it carries; empty where it carries none.
    """

    code = "engine-mismatch"

    def __init__(self, message: str, stamp: str = "") -> None:
        super().__init__(message)
        self.stamp = stamp


class EngineRefused(EngineError):
    """The engine cannot keep one of the products: a character of its id, a value."""

    code = "engine-refused"


class CollectionNotFound(EngineError):
    """The engine has nothing of that name, and creating it was not asked for."""

    code = "collection-not-found"


class StateError(FloorlensError):
    """What a service keeps (keys, searches, jobs, feedback) cannot be read or written."""

    code = "state"
    exit_code = 6
    status = 503


class KeyNotFound(StateError):
    """No API key has that id."""

    code = "key-not-found"
    exit_code = 3
    status = 404


class SearchNotFound(StateError):
    """No search of that id is kept: it never was, is too old, or belongs to another key."""

    code = "search-not-found"
    exit_code = 3
    status = 404


class FeedbackNotFound(StateError):
    """Nothing was said of a search of that id."""

    code = "feedback-not-found"
    exit_code = 3
    status = 404


class FeedbackFull(StateError):
    """What people say of matches takes as much as it may: nothing more is kept."""

    code = "feedback-full"
    status = 507


class JobNotFound(StateError):
    """No job has that id."""

    code = "job-not-found"
    exit_code = 3
    status = 404


class ServiceError(FloorlensError):
    """The service answered with an error, or what answered is no service of ours.

    `code` and `fields` are those of the service's answer, where it gave them, `request_id` is the
    id by which the answer stands in the log of the service, and `status` the one of HTTP.
    """

    code = "service"
    status = 502

    def __init__(
        self,
        message: str,
        code: str | None = None,
        *,
        status: int | None = None,
        request_id: str | None = None,
        fields: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        super().__init__(message, fields=fields)
        self.code = code or self.code
        self.status = status or self.status
        self.request_id = request_id


class ServiceUnreachable(ServiceError):
    """Nothing answers at the service's address, or too slowly."""

    code = "service-unreachable"
    status = 503


class DecoderUnavailable(FloorlensError):
    """No process can be started now to decode a picture; the picture may be right."""

    code = "decoder-unavailable"
    exit_code = 7
    status = 503


class MissingDependency(FloorlensError):
    """An optional extra is needed and not installed."""

    code = "missing-dependency"
    exit_code = 7
    status = 501


class ModelUnavailable(FloorlensError):
    """A model is neither on this machine nor can it be fetched, or its files are not usable."""

    code = "model-unavailable"
    exit_code = 7
    status = 503
