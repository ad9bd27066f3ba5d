"""Secrets: sealing and signing, the pepper and the files they live in, and how API keys are made.

`contract` is the promise, `files` keeps it on disk. No secret leaves this room in a log line, an error or a `repr`.
"""
