"""Floors compared by their colours alone: a preset for Floorlens, and an engine on SQLite."""

from dataclasses import replace

from floorlens.presets import BUILTIN

# Segmenter and normaliser stay Floorlens's own; their thresholds are in BUILTIN.
PRESET = replace(
    BUILTIN,
    name="colours",
    description="Compares floors by a histogram of their colours alone.",
    embedder="floorlens_colours.stages:HistogramEmbedder",
    reranker="floorlens_colours.stages:HistogramReranker",
)
