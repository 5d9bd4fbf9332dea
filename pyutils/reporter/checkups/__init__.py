"""Whether a reporter or a verifier is fit to run: what it needs, looked at thing by thing."""
