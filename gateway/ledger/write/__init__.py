"""Records are written: one writer thread for each process commits them in groups.

`writer` is where it begins; `group_commit` says when a group is complete, `write_lock` whose turn it is on SQLite,
`replay_cache` which message was accepted before, `rollups` and `operation_names` what is counted under which name.
"""
