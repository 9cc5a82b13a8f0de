"""How well an encoder finds the products of shops that it never saw, beside the present encoder.

    python -m training.matching.left_out --shops jean titan --weights RUN/weights.npz

A shop's catalogue is all its products and swatches; its rooms are the queries, through the
package's own segmenter and normaliser. Ranked by the vector of texture alone. What turns features
into vectors is tried in several ways (`ways.py`), since an encoder is worth what a catalogue makes
of it; `package` is the projection in the package (the present encoder only), `head` the run's own
head and statistics (trained encoders only).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from training.matching.checkpoint import Weights, load_saved, load_weights
from training.matching.network import Matcher, PatchStatistics, load_exported
from training.matching.pack import Pack, read_pack
from training.matching.pipeline import WEIGHTS, load_projection
from training.matching.recipe import recipe_of
from training.matching.scores import figures, pooled, ranks, standing
from training.matching.shops import Shop, read_shop, relit_rooms
from training.matching.start import make_matcher
from training.matching.ways import encode, encode_pack, projected

Rows = NDArray[np.float32]


@torch.no_grad()
def by_head(matcher: Matcher, features: Rows, room: int) -> Rows:
    """Returns the head's unit vectors float32 (n, d) of features; `room` is 0 or 1 for all."""
    matcher.eval()
    side = torch.full((len(features),), room)
    standard = matcher.standard(torch.from_numpy(features), side)
    return torch.nn.functional.normalize(matcher.head(standard), dim=1).numpy()


def trained_matcher(
    path: Path, share: float = 1.0, begin: Path = WEIGHTS / "encoder.onnx"
) -> tuple[Matcher, int, tuple[str, ...]]:
    """Returns the network in a checkpoint or weights file, its step and what it left out.

    With a `share` below 1 its encoder is so much of the trained weights, and of the exported
    encoder `begin`, which the run grew from, the rest.
    """
    if path.suffix == ".pt":
        saved = load_saved(path)
        found = Weights(
            recipe_of(saved["recipe"]), saved["labels"], int(saved["step"]), saved["average"]
        )
    else:
        found = load_weights(path)
    matcher = make_matcher(found.recipe, len(found.labels))
    matcher.load_state_dict(found.tensors)
    if share < 1:
        start = PatchStatistics()
        load_exported(start, begin)
        for name, value in start.state_dict().items():
            if value.is_floating_point():
                trained = matcher.encoder.state_dict()[name]
                trained.copy_(torch.lerp(value, trained, share))
    return matcher.eval(), found.step, found.recipe.leave_out


def evaluate(
    encoder: PatchStatistics,
    matcher: Matcher | None,
    pack: Pack,
    shops: list[Shop],
    *,
    relit: bool = False,
) -> dict[str, dict[str, dict[str, float]]]:
    """Returns way -> shop (and "all": the rooms of all, each in its own catalogue) -> figures.

    With `relit` every way comes a second time, for the rooms under another light.
    """
    names = [shop.name for shop in shops]
    known = encode_pack(pack, encoder, names)
    found: dict[str, dict[str, tuple[NDArray[np.int64], Rows]]] = {}
    for shop in shops:
        catalogue = encode(encoder, shop.catalogue.patches)
        looks = [shop.rooms, relit_rooms(shop.rooms)] if relit else [shop.rooms]
        rooms = np.concatenate([encode(encoder, look.patches) for look in looks])
        # Nobody is fitted on a shop that is left out, not even on another of them.
        others = known.only(~np.isin(known.shop, [name for name in names if name != shop.name]))
        ways = list(projected(others, shop, pack.labels.tolist(), catalogue, rooms))
        if matcher is None:
            package = load_projection(WEIGHTS / "projection.npz")
            ways.append(("package", package.apply(catalogue), package.apply(rooms)))
        else:
            ways.append(("head", by_head(matcher, catalogue, 0), by_head(matcher, rooms, 1)))
        for way, ours, both in ways:
            products = pooled(ours, shop.catalogue)
            for mark, theirs in zip(("", " | relit"), np.split(both, len(looks)), strict=False):
                vectors = pooled(theirs, shop.rooms), products
                named = shop.rooms.names, shop.catalogue.names
                found.setdefault(way + mark, {})[shop.name] = (
                    ranks(*vectors, *named),
                    standing(*vectors, *named),
                )
    unseen = {shop.name: shop.unseen for shop in shops}
    return {
        way: {name: figures(rows, unseen[name], up) for name, (rows, up) in by_shop.items()}
        | {
            "all": figures(
                np.concatenate([rows for rows, _ in by_shop.values()]),
                sum(unseen.values()),
                np.concatenate([up for _, up in by_shop.values()]),
            )
        }
        for way, by_shop in found.items()
    }


def main() -> None:
    """Print a line of JSON for each encoder and way."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shops", nargs="+", required=True)
    parser.add_argument("--weights", type=Path, nargs="*", default=[], help=".npz or checkpoint.pt")
    parser.add_argument("--share", type=float, default=1.0, help="of the trained weights")
    parser.add_argument("--start", type=Path, default=WEIGHTS / "encoder.onnx")
    parser.add_argument("--relit", action="store_true", help="and the rooms under another light")
    parser.add_argument("--no-baseline", action="store_true", help="not the present encoder")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--pack", type=Path, default=Path(".cache/matching/pack.npz"))
    parser.add_argument("--cache", type=Path, default=Path(".cache/matching/left-out"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    pack = read_pack(arguments.pack)
    shops = [read_shop(name, arguments.data, arguments.cache) for name in arguments.shops]
    for shop in shops:
        print(
            f"{shop.name}: {len(shop.rooms.names)} rooms ({shop.unseen} without a floor found), "
            f"{len(shop.catalogue.names)} products",
            flush=True,
        )
    if not arguments.no_baseline:
        present = PatchStatistics().eval()
        load_exported(present, WEIGHTS / "encoder.onnx")
        _tell("version 0.2", evaluate(present, None, pack, shops, relit=arguments.relit))
    for path in arguments.weights:
        matcher, step, left_out = trained_matcher(path, arguments.share, arguments.start)
        if not set(arguments.shops) <= set(left_out):
            parser.error(f"{path} was trained without {left_out}, not {arguments.shops}")
        name = f"{path.parent.name} {step}" + (
            f" x {arguments.share}" if arguments.share < 1 else ""
        )
        _tell(name, evaluate(matcher.encoder, matcher, pack, shops, relit=arguments.relit))


def _tell(name: str, found: dict[str, dict[str, dict[str, float]]]) -> None:
    for way, by_shop in found.items():
        print(json.dumps({"encoder": name, "way": way, **by_shop}), flush=True)


if __name__ == "__main__":
    main()
