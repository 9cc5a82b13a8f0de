"""One engine each: a file or, where it takes more than one, a folder."""
