"""Pinecone, the engine of the reference design."""
