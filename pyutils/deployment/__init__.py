"""Plans a deployment, carries it out step by step, and finishes one that was interrupted."""

from pyutils.deployment.plan import DEV_ACCOUNTS, Plan, PlanError, RoleGrant, TestCoin, plan_hash
from pyutils.deployment.roles import Role
from pyutils.deployment.system import DeploymentError, NoCreate2DeployerError, deploy_system

__all__ = [
    "DEV_ACCOUNTS",
    "DeploymentError",
    "NoCreate2DeployerError",
    "Plan",
    "PlanError",
    "Role",
    "RoleGrant",
    "TestCoin",
    "deploy_system",
    "plan_hash",
]
