"""The embedder of the presets on hub models: CLIP, the reference design's, and those in its place.

CLIP: A. Radford et al., Learning Transferable Visual Models From Natural Language Supervision,
ICML 2021. SigLIP 2: M. Tschannen et al., Multilingual Vision-Language Encoders, arXiv 2502.14786,
2025; its pooled embedding. DINOv2: M. Oquab et al., Learning Robust Visual Features without
Supervision, TMLR 2024; the class token of its last layer.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from floorlens.embedding import Aspect, AspectName, FloorEmbedding, FloorFeatures, thin_colours
from floorlens.embedding.clip_signature import MAGIC, MOST, pack
from floorlens.embedding.projection import Projection
from floorlens.embedding.scatter import PairScatter, Scatter
from floorlens.errors import CatalogueError, ModelUnavailable
from floorlens.models.hub import ModelFiles, locate, model_named, variable
from floorlens.models.options import ModelOptions
from floorlens.models.stamp import Stamp
from floorlens.models.torch import embedding_dimension, load_model
from floorlens.normalisation import FloorView
from floorlens.normalisation.regions import PATCHES

FORMAT = "1"
"""The version of features, vector and signature: a change of any of them needs a new one."""


class ClipEmbedder:
    """Describes a floor with the embedding of its region, as `ClipNormaliser` cuts it.

    The vector is the L2-normalised embedding of the first patch; for a product with several
    pictures, the mean of theirs. Any model of the hub that embeds pictures can take CLIP's place.

    Args:
        options: The model, its device and dtype, whether patches are compared.
        encoder: Which model: a name in `hub.MODELS`.
        threads: Of PyTorch, for the whole process; 0 leaves them as they are.
    """

    signature_format = MAGIC.decode()

    def __init__(
        self, options: ModelOptions | None = None, encoder: str = "clip", threads: int = 0
    ) -> None:
        self._options = options or ModelOptions()
        self._encoder = encoder
        self._threads = threads
        self._each = PATCHES[self._options.rerank or "single"]

    @property
    def stamp(self) -> Stamp:
        """Which model and revision it is, and the dtype of its weights where it is not float32.

        Rounded weights give other vectors, and another ranking. The device is no part of the
        version: a catalogue may move to another machine.
        """
        dtype = self._options.dtype
        return Stamp(
            model_id=self._files.model_id,
            version=f"{FORMAT}+{self._files.revision}{'' if dtype == 'float32' else f'+{dtype}'}",
            dimension=embedding_dimension(self._files),
            licence=self._files.licence,
            preprocessing=f"its own image processor, with Pillow; {dtype}",
        )

    @property
    def projection(self) -> Projection | None:
        """None: these presets are not adapted."""
        return None

    @property
    def prior(self) -> Scatter | None:
        """None, as there is no projection."""
        return None

    @property
    def pairs(self) -> PairScatter | None:
        """None, as there is no projection."""
        return None

    def features(self, views: Mapping[AspectName, FloorView]) -> FloorFeatures:
        """Returns the features of a floor; the patches of a view are one batch.

        `base` is float16 (n, 2 d): the unit embedding of each patch, and what rounding left.

        Raises:
            ModelUnavailable: the model is neither here nor reachable, its files are not usable, or
                its vectors are longer than `clip_signature.MOST`.
            MissingDependency: the extra `[clip]` is not installed.
        """
        model = load_model(
            self._files,
            device=self._options.device,
            dtype=self._options.dtype,
            threads=self._threads,
        )
        # View by view: the numbers of other pictures in a batch would change the last bits.
        return FloorFeatures(
            {
                name: Aspect(
                    base=_halves(_unit(model.embed(view.patches))),
                    coverage=view.coverage.astype(np.float16),
                    lab=thin_colours(view.lab),
                    facts=np.empty(0, np.float16),
                    trust=np.empty(0, np.float16),
                )
                for name, view in views.items()
            }
        )

    def describe(
        self, features: FloorFeatures, projection: Projection | None = None
    ) -> FloorEmbedding:
        """Returns the embedding of features; its vector is float32, L2-normalised.

        Raises:
            CatalogueError: a projection is given; there is none for this embedder.
        """
        if projection is not None:
            raise CatalogueError(
                f"the embedder {self._encoder} takes no projection: run `floorlens index --rebuild`"
            )
        rows = _whole(features.base)
        regions = rows[:: self._each]
        vector = _unit(regions.mean(axis=0))
        others = np.arange(len(rows)) % self._each != 0
        return FloorEmbedding(vector, pack(vector, rows[others]))

    @cached_property
    def _files(self) -> ModelFiles:
        files = locate(model_named(self._encoder, self._options))
        numbers = embedding_dimension(files)
        if numbers > MOST:
            raise ModelUnavailable(
                f"{variable(self._encoder)}: the model {files.model_id} makes vectors of {numbers} "
                f"numbers; at most {MOST} fit into a catalogue: name one of shorter vectors"
            )
        return files


def _halves(rows: NDArray[np.float32]) -> NDArray[np.float16]:
    """Returns float32 (n, d) as two float16 to a number, (n, 2 d): 22 bits of its 24."""
    high = rows.astype(np.float16)
    return np.concatenate([high, (rows - high).astype(np.float16)], axis=1)


def _whole(base: NDArray[np.float16]) -> NDArray[np.float32]:
    """Returns float32 (n, d): the sums of both halves of each number."""
    high, low = np.split(base.astype(np.float32), 2, axis=1)
    return np.asarray(high + low, np.float32)


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, 1e-12), np.float32)
