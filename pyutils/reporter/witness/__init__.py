"""Verifiers and who asks them: signed messages, proposals, answers, and what makes a report believable."""
