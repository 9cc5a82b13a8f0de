"""What a service keeps beside its catalogue, and does in the background. Nothing here is HTTP.

Keys, searches that can be asked again, jobs and feedback lie in one SQLite file of a folder of
their own (`FLOORLENS_STATE`), which all processes of a service share.
"""
