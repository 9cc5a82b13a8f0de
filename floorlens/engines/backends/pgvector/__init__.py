"""PostgreSQL with the extension pgvector."""
