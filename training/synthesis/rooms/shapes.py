"""Mesh primitives that look made rather than computed: bevelled, bulging, turned, draped.

Lengths in metres, z up. Everything is built in the local frame of a parent and belongs to it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import bmesh
import bpy
import numpy as np

Vec3 = tuple[float, float, float]
Point2 = tuple[float, float]


def frame(name: str, at: Vec3 = (0, 0, 0), turn: float = 0.0) -> bpy.types.Object:
    """An empty parent at `at`, turned by `turn` degrees about z."""
    empty = bpy.data.objects.new(name, None)
    empty.location = at
    empty.rotation_euler = (0, 0, math.radians(turn))
    bpy.context.scene.collection.objects.link(empty)
    return empty


def _object(
    name: str,
    mesh: bpy.types.Mesh,
    parent: bpy.types.Object | None,
    material: bpy.types.Material | None,
    at: Vec3,
    rotation: Vec3,
    smooth: bool,
) -> bpy.types.Object:
    thing = bpy.data.objects.new(name, mesh)
    thing.location = at
    thing.rotation_euler = tuple(math.radians(a) for a in rotation)
    thing.parent = parent
    if material is not None:
        mesh.materials.append(material)
    if smooth:
        mesh.shade_smooth()
    bpy.context.scene.collection.objects.link(thing)
    return thing


def box(
    parent: bpy.types.Object | None,
    size: Vec3,
    at: Vec3,
    material: bpy.types.Material,
    bevel: float = 0.006,
    rotation: Vec3 = (0, 0, 0),
    segments: int = 3,
) -> bpy.types.Object:
    """A box of `size` centred at `at`; real edges catch light, so it is bevelled by default."""
    mesh = bpy.data.meshes.new("box")
    shape = bmesh.new()
    bmesh.ops.create_cube(shape, size=1.0)
    bmesh.ops.scale(shape, vec=size, verts=shape.verts)
    shape.to_mesh(mesh)
    shape.free()
    thing = _object("box", mesh, parent, material, at, rotation, bevel > 0)
    if bevel > 0:
        rounding = thing.modifiers.new("bevel", "BEVEL")
        rounding.width = min(bevel, 0.49 * min(size))
        rounding.segments = segments
        rounding.harden_normals = True
    return thing


def surface(
    parent: bpy.types.Object | None,
    function: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]],
    steps: tuple[int, int],
    material: bpy.types.Material,
    at: Vec3 = (0, 0, 0),
    rotation: Vec3 = (0, 0, 0),
    wrap: bool = False,
) -> bpy.types.Object:
    """The mesh of a function of (s, t) in [0, 1]^2 with values x, y, z; `wrap` closes s."""
    n, m = steps
    s, t = np.meshgrid(np.linspace(0, 1, n + 1), np.linspace(0, 1, m + 1), indexing="ij")
    x, y, z = function(s, t)
    points = np.stack([x, y, z], axis=-1)
    if wrap:
        points = points[:-1]
    rows = points.shape[0]
    count = rows if wrap else rows - 1
    i, j = np.meshgrid(np.arange(count), np.arange(m), indexing="ij")
    a, b = i * (m + 1) + j, ((i + 1) % rows) * (m + 1) + j
    faces = np.stack([a, b, b + 1, a + 1], axis=-1).reshape(-1, 4)
    mesh = bpy.data.meshes.new("surface")
    mesh.from_pydata(points.reshape(-1, 3).tolist(), [], faces.tolist())
    layer = mesh.uv_layers.new(name="uv")
    flat = np.stack([s[:rows].ravel(), t[:rows].ravel()], axis=-1)
    layer.data.foreach_set("uv", flat[faces.ravel()].ravel().astype(np.float32))
    mesh.validate()
    return _object("surface", mesh, parent, material, at, rotation, True)


def soft_box(
    parent: bpy.types.Object | None,
    size: Vec3,
    at: Vec3,
    material: bpy.types.Material,
    softness: float = 0.3,
    rotation: Vec3 = (0, 0, 0),
) -> bpy.types.Object:
    """An upholstered block: a superellipsoid, flat-faced when `softness` is small."""

    def power(base: np.ndarray) -> np.ndarray:
        return np.sign(base) * np.abs(base) ** softness

    def shape(s: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        around, up = (s - 0.5) * 2 * np.pi, (t - 0.5) * np.pi
        c = power(np.cos(up))
        x = size[0] / 2 * c * power(np.cos(around))
        y = size[1] / 2 * c * power(np.sin(around))
        return x, y, size[2] / 2 * power(np.sin(up))

    return surface(parent, shape, (96, 48), material, at, rotation, wrap=True)


def pillow(
    parent: bpy.types.Object | None,
    size: Vec3,
    at: Vec3,
    material: bpy.types.Material,
    rotation: Vec3 = (0, 0, 0),
) -> bpy.types.Object:
    """A stuffed pillow of (width, height, thickness) lying in its x-y plane: pointed corners."""

    def side(sign: float) -> Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, ...]]:
        def shape(s: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            x, y = s * 2 - 1, t * 2 - 1
            pull_x, pull_y = 1 - 0.07 * (1 - y**2), 1 - 0.07 * (1 - x**2)
            lift = np.clip((1 - np.abs(x) ** 2.6) * (1 - np.abs(y) ** 2.6), 0, 1) ** 0.45
            crease = 1 - 0.05 * np.sin(9 * x * y) * lift
            half = size[2] / 2
            return size[0] / 2 * x * pull_x, size[1] / 2 * y * pull_y, sign * half * lift * crease

        return shape

    surface(parent, side(-1.0), (28, 28), material, at, rotation)  # type: ignore[arg-type]
    return surface(parent, side(1.0), (28, 28), material, at, rotation)  # type: ignore[arg-type]


def lathe(
    parent: bpy.types.Object | None,
    profile: Sequence[Point2],
    at: Vec3,
    material: bpy.types.Material,
    rotation: Vec3 = (0, 0, 0),
    steps: int = 48,
) -> bpy.types.Object:
    """Turn a profile of (radius, height) points about z; the profile is smoothed a little."""
    points = np.asarray(profile, dtype=float)
    along = np.linspace(0, 1, len(points))

    def shape(s: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        radius = np.interp(t, along, points[:, 0])
        height = np.interp(t, along, points[:, 1])
        angle = s * 2 * np.pi
        return radius * np.cos(angle), radius * np.sin(angle), height

    return surface(parent, shape, (steps, 6 * (len(points) - 1)), material, at, rotation, wrap=True)


def rod(
    parent: bpy.types.Object | None,
    start: Vec3,
    end: Vec3,
    radius: float,
    material: bpy.types.Material,
    radius_end: float | None = None,
    sides: int = 20,
) -> bpy.types.Object:
    """A round bar, tapered when `radius_end` is given."""
    a, b = np.asarray(start, dtype=float), np.asarray(end, dtype=float)
    axis = b - a
    length = float(np.linalg.norm(axis))
    axis /= length
    helper = np.array([1.0, 0, 0]) if abs(axis[0]) < 0.9 else np.array([0, 1.0, 0])
    side = np.cross(axis, helper)
    side /= np.linalg.norm(side)
    other = np.cross(axis, side)
    last = radius if radius_end is None else radius_end
    # Radii run 0, r, r', 0, which closes both ends with caps.
    radii = np.array([0.0, radius, last, 0.0])
    stations = np.array([0.0, 0.0, length, length])

    def shape(s: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        knot = np.round(t * 3).astype(int)
        r, d, angle = radii[knot], stations[knot], s * 2 * np.pi
        p = (
            a
            + d[..., None] * axis
            + r[..., None] * (np.cos(angle)[..., None] * side + np.sin(angle)[..., None] * other)
        )
        return p[..., 0], p[..., 1], p[..., 2]

    thing = surface(parent, shape, (sides, 3), material, wrap=True)
    edges = thing.modifiers.new("edges", "EDGE_SPLIT")
    edges.split_angle = math.radians(50)
    return thing


def tube(
    parent: bpy.types.Object | None,
    points: Sequence[Vec3],
    radius: float,
    material: bpy.types.Material,
    closed: bool = False,
) -> bpy.types.Object:
    """A bent bar through `points` (a Bezier spline with automatic handles)."""
    curve = bpy.data.curves.new("tube", "CURVE")
    curve.dimensions = "3D"
    curve.bevel_depth = radius
    curve.bevel_resolution = 4
    spline = curve.splines.new("BEZIER")
    spline.bezier_points.add(len(points) - 1)
    for knot, point in zip(spline.bezier_points, points, strict=True):
        knot.co = point
        knot.handle_left_type = knot.handle_right_type = "AUTO"
    spline.use_cyclic_u = closed
    curve.materials.append(material)
    thing = bpy.data.objects.new("tube", curve)
    thing.parent = parent
    bpy.context.scene.collection.objects.link(thing)
    return thing
