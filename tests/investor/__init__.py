"""Tests of what investors see: positions, histories, audits and pages."""
