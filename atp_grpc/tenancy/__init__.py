"""Tenants: who is calling, and the keys that say so.

The door asks `principals` about every call; `keys` holds the key that a first start in the dev profile makes. Nothing
here knows of metadata, messages or status codes.
"""
