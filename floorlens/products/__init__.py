"""Products: what one is, reading lists and folders of them, what their pictures show."""
