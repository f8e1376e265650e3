"""The hash chains, which show what was altered or taken out: their links, checkpoints, anchors and verification."""
