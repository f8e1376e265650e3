"""The revisions, oldest first: `keystore_NNNN.py`. What a published one does is never changed."""
