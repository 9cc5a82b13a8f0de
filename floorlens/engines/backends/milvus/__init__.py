"""Milvus: a server, or milvus-lite in a file."""
