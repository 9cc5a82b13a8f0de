"""Settings: `FLOORLENS_*` variables and `.env`, read once by the interfaces."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any, Literal, TypedDict
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from floorlens.engines import Engine
from floorlens.errors import SettingsError
from floorlens.images.decoding import PICTURE_SECONDS
from floorlens.images.loading import MAX_MEGAPIXELS
from floorlens.models.hub import MODELS
from floorlens.models.options import Crop, Dtype, ModelOptions, Rerank


class Options(TypedDict, total=False):
    """Those keywords of `Floorlens.open` that settings decide."""

    preset: str | None
    index: Engine | None
    fallback: Literal["exact"] | None
    threads: int
    max_megapixels: float
    picture_seconds: float
    models: ModelOptions
    fetch_hosts: tuple[str, ...]


class Settings(BaseSettings):
    """What can be set from outside; each field is `FLOORLENS_<NAME>`, unless it says otherwise."""

    model_config = SettingsConfigDict(
        env_prefix="FLOORLENS_",
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        validate_by_name=True,
        validate_by_alias=True,
    )

    catalogue: str = Field(default="./catalogue", description="folder (or URL) of the catalogue")
    preset: str | None = Field(default=None, description="preset; unset = the catalogue's own")
    max_megapixels: float = Field(
        default=MAX_MEGAPIXELS, gt=0, description="largest picture that is accepted"
    )
    picture_seconds: float = Field(
        default=PICTURE_SECONDS, gt=0, description="seconds that decoding a picture may take"
    )
    threads: int = Field(default=0, ge=0, description="threads for the models; 0 = all cores")
    index: str | None = Field(default=None, description="vector engine; unset = exact")
    index_url: str | None = Field(default=None, description="where the engine is")
    index_name: str | None = Field(
        default=None, description="Pinecone's index; first part of names"
    )
    index_key: SecretStr | None = Field(default=None, description="key or token of the engine")
    namespace: str | None = Field(
        default=None, description="the collection, by a name of one's own"
    )
    pinecone_cloud: str = Field(default="aws", description="where a serverless index is made")
    pinecone_region: str = Field(
        default="us-east-1", description="where a serverless index is made"
    )
    engine_timeout: float = Field(default=30.0, gt=0, description="seconds a call may take")
    fresh: bool = Field(default=False, description="writes wait until searches see them")
    fallback: Literal["exact"] | None = Field(
        default=None, description="what is searched while the engine cannot be used"
    )
    max_upload_mb: float = Field(
        default=20.0, gt=0, description="largest photo that the service accepts, in megabytes"
    )
    fetch_hosts: str | None = Field(
        default=None,
        description="hosts from which pictures may be fetched, parted by commas; unset = none",
    )
    state: str | None = Field(
        default=None,
        description="folder of what the service keeps: keys, searches, jobs; unset = beside the "
        "catalogue, `<catalogue>-service`",
    )
    no_auth: Literal["loopback", "public"] | None = Field(
        default=None,
        description="lets everybody in without a key: programs of this machine, or all",
    )
    keep_hours: float = Field(
        default=24.0, ge=0, description="hours that the service keeps a search; 0 = never stored"
    )
    keep_mb: float = Field(
        default=2000.0, gt=0, description="megabytes of searches that are kept; the oldest go first"
    )
    feedback_mb: float = Field(
        default=1000.0, gt=0, description="megabytes of feedback; more is refused, none goes"
    )
    at_once: int = Field(
        default=0, ge=0, description="searches at work at a time in a process; 0 = by cores"
    )
    queue: int = Field(
        default=64, ge=0, description="searches that may wait in a process; more are refused"
    )
    deadline: float = Field(
        default=30.0, gt=0, description="seconds within which a request is answered or refused"
    )
    upload_seconds: float = Field(
        default=30.0, gt=0, description="seconds that sending a request may take"
    )
    connections: int = Field(
        default=1000, gt=0, description="connections of a process at a time; more are refused"
    )
    rate: int = Field(
        default=120, ge=0, description="requests a minute of a key that has no own; 0 = no limit"
    )
    origins: str | None = Field(
        default=None,
        description="origins whose pages may call the service (https://shop.example), parted by "
        "commas; unset = none",
    )
    max_import_mb: float = Field(
        default=1000.0, gt=0, description="largest list or ZIP of products that is accepted"
    )
    import_folders: str | None = Field(
        default=None,
        description="folders of the server from which products may be imported, parted by commas; "
        "unset = none",
    )
    log_format: Literal["text", "json"] = Field(default="text", description="how the service logs")
    api_url: str | None = Field(
        default=None, description="the service that the page asks; unset = one of its own"
    )
    api_key: SecretStr | None = Field(
        default=None, description="the key that the page, or a client, sends to the service"
    )
    # Pinecone's own names, as the reference design and its SDK have them.
    pinecone_api_key: SecretStr | None = Field(
        default=None, validation_alias="PINECONE_API_KEY", description="Pinecone's key"
    )
    pinecone_controller_host: str | None = Field(
        default=None,
        validation_alias="PINECONE_CONTROLLER_HOST",
        description="another address of Pinecone, as for tests",
    )
    clip_model: str | None = Field(
        default=None, description="Hugging Face id or folder in the place of CLIP"
    )
    clip_revision: str | None = Field(default=None, description="commit, tag or branch of it")
    clipseg_model: str | None = Field(default=None, description="the same in that of CLIPSeg")
    clipseg_revision: str | None = Field(default=None, description="commit, tag or branch of it")
    siglip2_model: str | None = Field(default=None, description="the same in that of SigLIP 2")
    siglip2_revision: str | None = Field(default=None, description="commit, tag or branch of it")
    dinov2_model: str | None = Field(default=None, description="the same in that of DINOv2")
    dinov2_revision: str | None = Field(default=None, description="commit, tag or branch of it")
    device: str = Field(
        default="auto",
        pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$",
        description="of hub models: auto, cpu, cuda, cuda:1, mps",
    )
    dtype: Dtype = Field(default="float32", description="of the weights of hub models")
    clip_prompts: str | None = Field(
        default=None, description="what CLIPSeg is asked for, parted by commas; unset = floor"
    )
    clip_crop: Crop | None = Field(
        default=None, description="what is embedded: the floor's box or its mask; unset = box"
    )
    clip_rerank: Rerank | None = Field(
        default=None, description="compared anew: single region or patches; unset = single"
    )

    def model_options(self) -> ModelOptions:
        """Returns which models of the hub are taken, and how they are run.

        Raises:
            SettingsError: a value is out of range.
        """
        models = {name: getattr(self, f"{name}_model") for name in MODELS}
        revisions = {name: getattr(self, f"{name}_revision") for name in MODELS}
        prompts = (self.clip_prompts or "").split(",")
        return ModelOptions(
            models={name: value for name, value in models.items() if value},
            revisions={name: value for name, value in revisions.items() if value},
            device=self.device,
            dtype=self.dtype,
            prompts=tuple(prompt.strip() for prompt in prompts if prompt.strip()) or None,
            crop=self.clip_crop,
            rerank=self.clip_rerank,
        )

    def options(self) -> Options:
        """Returns how the catalogue is to be opened, as keywords of `Floorlens.open`."""
        return {
            "preset": self.preset,
            "index": self.engine(),
            "fallback": self.fallback,
            "threads": self.threads,
            "max_megapixels": self.max_megapixels,
            "picture_seconds": self.picture_seconds,
            "models": self.model_options(),
            "fetch_hosts": self.hosts(),
        }

    def hosts(self) -> tuple[str, ...]:
        """Returns the hosts from which pictures may be fetched."""
        return _parts(self.fetch_hosts)

    def allowed_origins(self) -> tuple[str, ...]:
        """Returns the origins whose pages may call the service."""
        return _parts(self.origins)

    def folders(self) -> tuple[Path, ...]:
        """Returns the folders of the server from which products may be imported."""
        return tuple(Path(name) for name in _parts(self.import_folders))

    def state_folder(self) -> Path:
        """Returns the folder of what the service keeps: keys, searches, jobs, feedback."""
        if self.state is not None:
            return Path(self.state)
        if "://" not in self.catalogue:
            # By its name, also where that is a link, which may lead to another one tomorrow.
            place = Path(os.path.abspath(self.catalogue))  # noqa: PTH100
            return place.parent / f"{place.name or 'catalogue'}-service"
        # Of a server's catalogue: one for each, and none for each password.
        parts = urlsplit(self.catalogue)
        name = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}?{parts.query}"
        return Path(f"floorlens-service-{hashlib.sha256(name.encode()).hexdigest()[:12]}")

    def for_engine(self, name: str | None) -> Settings:
        """Returns the settings for an engine by name; None keeps the one that is set.

        Address, key and index that are set for another engine are left out.
        """
        if name is None or name == self.index:
            return self
        changed: dict[str, Any] = {"index": name}
        if self.index is not None:
            changed |= {"index_url": None, "index_key": None, "index_name": None}
        return self.model_copy(update=changed)

    def engine(self) -> Engine | None:
        """Returns the vector engine that is set; None for the default one."""
        if self.index is None:
            return None
        key, url = self.index_key, self.index_url
        if self.index == "pinecone":
            key, url = self.pinecone_api_key or key, self.pinecone_controller_host or url
        return Engine(
            name=self.index,
            url=url,
            api_key=None if key is None else key.get_secret_value(),
            index=self.index_name,
            namespace=self.namespace,
            cloud=self.pinecone_cloud,
            region=self.pinecone_region,
            timeout=self.engine_timeout,
            fresh=self.fresh,
        )


def _parts(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())


def variable(field: str) -> str:
    """Returns the environment variable of a field of `Settings`.

    Example:
        >>> variable("catalogue"), variable("pinecone_api_key")
        ('FLOORLENS_CATALOGUE', 'PINECONE_API_KEY')
    """
    info = Settings.model_fields.get(field)
    alias = None if info is None else info.validation_alias
    return alias if isinstance(alias, str) else f"FLOORLENS_{field.upper()}"


def _variable_at(location: tuple[int | str, ...]) -> str:
    first = str(location[0])
    return variable(first) if first in Settings.model_fields else first


def load_settings() -> Settings:
    """Returns the settings of this process's environment and `.env`.

    Raises:
        SettingsError: a value is of the wrong kind (the text names the variable), or `.env` is
            no text or cannot be read.

    Example:
        >>> load_settings().threads
        0
    """
    try:
        return Settings()
    except UnicodeDecodeError as error:
        raise SettingsError(f"settings cannot be used: .env is not UTF-8 text ({error})") from error
    except OSError as error:
        raise SettingsError(f"settings cannot be used: .env ({error.strerror})") from error
    except ValidationError as error:
        problems = "; ".join(
            f"{_variable_at(item['loc'])}: {item['msg']}" for item in error.errors()
        )
        raise SettingsError(f"settings cannot be used: {problems}") from error
