"""The catalogue: the truth about the products, in SQL."""
