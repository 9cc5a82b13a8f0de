"""Segmenters: one file each, named as in the presets."""
