"""What an operator is told: the steps of a verification, the advice, what is known of an unknown signer."""
