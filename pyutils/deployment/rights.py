"""Who may do what once a deployment is done: given by the deployer, who then gives up its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pyutils.chain import Lane, Receipt
from pyutils.contracts import AccessManager
from pyutils.deployment.blueprint import Blueprint
from pyutils.deployment.part import Part
from pyutils.deployment.plan import Plan
from pyutils.deployment.roles import (
    ADMIN_GRANT_DELAY_S,
    DELAYED_ROLES,
    GRANT_DELAY_S,
    TARGET_ADMIN_DELAY_S,
    Role,
    functions_of,
    selectors,
)


@dataclass(frozen=True, slots=True)
class Rights:
    """The roles of a deployment, as the AccessManager has them and as the plan wants them."""

    authority: AccessManager
    plan: Plan
    blueprint: Blueprint
    lane: Lane
    """Of the deployer."""

    def renounced(self) -> bool:
        """Return whether the deployer is no admin any more."""
        return not self.authority.has_role(Role.ADMIN, self.blueprint.deployer)[0]

    def renounce(self) -> Receipt:
        """Give up the admin role, the only right that the deployer had."""
        return self.authority.renounce_role(self.lane, Role.ADMIN)

    def are_mapped(self) -> bool:
        """Return whether every restricted function has its role."""
        return all(
            self.authority.function_role(part.address, selector) == role
            for part in self._restricted()
            for role in functions_of(part.name)
            for selector in selectors(part.name, role)
        )

    def map_functions(self) -> Receipt:
        """Map functions, label roles, and set guardians and delays: one transaction, so that one look tells all."""
        call = self.authority.call_data
        calls: list[bytes] = []
        for part in self._restricted():
            calls += [
                call("setTargetFunctionRole", part.address, selectors(part.name, role), role)
                for role in functions_of(part.name)
            ]
            calls.append(call("setTargetAdminDelay", part.address, TARGET_ADMIN_DELAY_S))
        for role in Role:
            if role is not Role.ADMIN:
                calls.append(call("labelRole", role, role.name.lower()))
                calls.append(call("setGrantDelay", role, GRANT_DELAY_S))
        calls += [call("setRoleGuardian", role, Role.GUARDIAN) for role in DELAYED_ROLES]
        calls.append(call("setGrantDelay", Role.ADMIN, ADMIN_GRANT_DELAY_S))
        return self.authority.multicall(self.lane, calls)

    def are_held(self) -> bool:
        """Return whether every planned holder has its role, with the planned delay."""
        return all(
            self.authority.has_role(grant.role, grant.holder) == (True, grant.execution_delay_s)
            for grant in self.plan.grants
        )

    def grant_roles(self) -> Receipt:
        """Give the roles to their holders."""
        calls = [
            self.authority.call_data("grantRole", grant.role, grant.holder, grant.execution_delay_s)
            for grant in self.plan.grants
        ]
        return self.authority.multicall(self.lane, calls)

    def _restricted(self) -> Iterator[Part]:
        """Yield every contract with functions for roles."""
        return (part for _, part in self.blueprint.steps if functions_of(part.name))
