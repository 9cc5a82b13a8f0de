"""Settings: `FLOORLENS_*` variables and `.env`, read once by the interfaces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from floorlens.errors import SettingsError
from floorlens.images import MAX_MEGAPIXELS

if TYPE_CHECKING:
    from floorlens.search import Floorlens


class Settings(BaseSettings):
    """What can be set from outside; each field is `FLOORLENS_<NAME>`."""

    model_config = SettingsConfigDict(
        env_prefix="FLOORLENS_", env_file=".env", env_ignore_empty=True, extra="ignore"
    )

    catalogue: str = Field(default="./catalogue", description="folder (or URL) of the catalogue")
    preset: str | None = Field(default=None, description="preset; unset = the catalogue's own")
    max_megapixels: float = Field(
        default=MAX_MEGAPIXELS, gt=0, description="largest picture that is accepted"
    )
    threads: int = Field(default=0, ge=0, description="threads for the models; 0 = all cores")
    max_upload_mb: float = Field(
        default=20.0, gt=0, description="largest photo that the service accepts, in megabytes"
    )
    api_url: str | None = Field(
        default=None, description="the service that the page asks; unset = one of its own"
    )


def load_settings() -> Settings:
    """Returns the settings of this process's environment and `.env`.

    Raises:
        SettingsError: a value is of the wrong kind (the text names the variable), or `.env` is
            no text or cannot be read.
    """
    try:
        return Settings()
    except UnicodeDecodeError as error:
        raise SettingsError(f"settings cannot be used: .env is not UTF-8 text ({error})") from error
    except OSError as error:
        raise SettingsError(f"settings cannot be used: .env ({error.strerror})") from error
    except ValidationError as error:
        problems = "; ".join(
            f"FLOORLENS_{'_'.join(map(str, item['loc'])).upper()}: {item['msg']}"
            for item in error.errors()
        )
        raise SettingsError(f"settings cannot be used: {problems}") from error


def open_catalogue(settings: Settings, *, create: bool = True) -> Floorlens:
    """Returns the catalogue that the settings name, opened with the preset that they name.

    Raises:
        FloorlensError: what `Floorlens.open` raises.
    """
    from floorlens.search import Floorlens

    return Floorlens.open(
        settings.catalogue,
        preset=settings.preset,
        create=create,
        threads=settings.threads,
        max_megapixels=settings.max_megapixels,
    )
