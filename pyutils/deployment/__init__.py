"""Plans a deployment, carries it out step by step, and finishes one that was interrupted."""

from pyutils.deployment.journal import DeploymentBusyError, JournalError
from pyutils.deployment.plan import DEV_ACCOUNTS, Plan, PlanError, RoleGrant, TestCoin, plan_hash
from pyutils.deployment.proxy import NoCreate2DeployerError
from pyutils.deployment.roles import Role
from pyutils.deployment.run import AnotherDeployerError, deploy_system
from pyutils.deployment.system import DeploymentError

__all__ = [
    "DEV_ACCOUNTS",
    "AnotherDeployerError",
    "DeploymentBusyError",
    "DeploymentError",
    "JournalError",
    "NoCreate2DeployerError",
    "Plan",
    "PlanError",
    "Role",
    "RoleGrant",
    "TestCoin",
    "deploy_system",
    "plan_hash",
]
