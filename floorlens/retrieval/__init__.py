"""Stage 4: the nearest products, from an engine that is kept in step with the catalogue."""
