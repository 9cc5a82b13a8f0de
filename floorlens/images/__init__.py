"""Pictures as arrays: reading them, colours, masks and their shapes, drawing on them."""
