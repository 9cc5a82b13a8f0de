"""Fitting the search to a catalogue's own products, in rooms simulated with them."""
