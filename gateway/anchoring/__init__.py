"""The ends of the hash chains on their way out of reach of whoever writes the database: into a folder or to a URL."""

from gateway.anchoring.anchored_ends import anchor_words
from gateway.anchoring.delivery import AnchorDelivery
from gateway.anchoring.destination import deliver_now, is_wanted

__all__ = ["AnchorDelivery", "anchor_words", "deliver_now", "is_wanted"]
