"""The migrations of schemas 0001 to 0006 as they were published, the keystore's tables among them: never changed."""
