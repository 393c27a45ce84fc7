"""Seeds and determinism; fingerprints, environment stamps and proofs of a training."""
