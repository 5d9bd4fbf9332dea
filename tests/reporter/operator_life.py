"""An operator's daemon in a process of its own, to be killed: ticks until a report is final, then ends.

Run in `tests/` as `python -m reporter.operator_life FILE`; the file has a JSON object with the daemon's configuration,
its folders, its endpoints, the deployment record and the moment whose report it brings to the head.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from pyutils.errors import GpuRwaError
from pyutils.manifest import Manifest
from pyutils.reporter.operator_daemon import OperatorDaemon
from pyutils.reporter.settings.config import OperatorConfig
from pyutils.reporter.settings.folders import Folders
from pyutils.reporter.store.records import State
from pyutils.toml_file import tuples
from pyutils.units import FleetId, UnixSeconds

GAVE_UP = 3
"""Status of a life that ended before the report was final."""


def live(file: Path) -> int:
    """Live one life. Returns 0 where the report is final at its end."""
    told = json.loads(file.read_text())
    config = OperatorConfig.model_validate(tuples(told["config"]))
    folders = Folders(Path(told["root"]), Path(told["gpus"]))
    manifest = Manifest.model_validate_json(json.dumps(told["manifest"]))
    fleet_id, as_of = FleetId(config.fleet), UnixSeconds(told["as_of"])
    with OperatorDaemon(config, folders, manifest, told["urls"], lambda text: text) as daemon:
        daemon.serve()
        daemon.check_peers()
        for _ in range(told["ticks"]):
            try:
                daemon.tick()
            except GpuRwaError as error:
                print(error.line(), file=sys.stderr, flush=True)
            record = daemon.store.record(fleet_id, as_of)
            if record is not None and record.state is State.FINAL:
                return 0
            time.sleep(0.02)
    return GAVE_UP


if __name__ == "__main__":
    sys.exit(live(Path(sys.argv[1])))
