"""What is likely wrong with a training: small pure functions that return findings, with a code and a fix."""
