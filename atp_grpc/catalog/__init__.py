"""The catalogue: which models exist, who runs them, and what they cost now.

`loader` reads the file, `snapshot` is one immutable view of it, `live` holds the view in force. Nothing here ranks a
model or learns from an outcome.
"""
