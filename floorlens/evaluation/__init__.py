"""Measuring Floorlens on a folder of photos: `floorlens eval pairs|masks|ranking`."""
