"""How the keystore's tables come from each published state to the newest, applied by `keystore.store.migrate`."""
