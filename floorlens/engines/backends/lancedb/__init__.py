"""LanceDB: tables of files in a folder, or in an object store."""
