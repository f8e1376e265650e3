"""What ends a gateway with several workers; see the package for the tree."""


class WorkersFailed(Exception):  # noqa: N818 - named after what happened, like the other errors of the door
    """No worker serves, and starting them again has not helped; the text is one sentence for a person."""
