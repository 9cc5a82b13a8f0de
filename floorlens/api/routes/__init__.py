"""The routes, a file for each kind of thing.

They hold no logic: each reads a request and passes it to the service.
"""
