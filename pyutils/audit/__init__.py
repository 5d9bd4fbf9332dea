"""Audits: what the chain says of reports and leases, recomputed from the chain and from published files alone."""

from pyutils.audit.checks import Check, Verdict
from pyutils.audit.fleet import FleetAudit, audit_fleet
from pyutils.audit.leaf_files import LeafFiles
from pyutils.audit.lease import LeaseAudit, audit_lease

__all__ = ["Check", "FleetAudit", "LeafFiles", "LeaseAudit", "Verdict", "audit_fleet", "audit_lease"]
