"""NVIDIA's driver as a meter needs it: opened, asked about one board, its faults told in one line.

- Duty is the mean of the board's own utilization samples since the last look, rounded down to a part per million. The
  driver keeps some 16 s of them. Where it has none, its latest utilization stands in; where it has neither, as in MIG
  mode, duty is unknown.
- Energy is the board's own counter in millijoules since the driver was loaded. Boards before Volta have none.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pyutils.meter.source import SourceError
from pyutils.units import PPM, Ppm, Watts

_PPM_PER_PERCENT = PPM // 100
_MW_PER_WATT = 1_000

# NVML's codes, which its interface fixes for good.
_UNINITIALIZED, _INVALID_ARGUMENT, _NOT_SUPPORTED, _NO_PERMISSION, _NOT_FOUND = 1, 2, 3, 4, 6
_DRIVER_NOT_LOADED, _LIBRARY_NOT_FOUND, _FUNCTION_NOT_FOUND, _GPU_IS_LOST, _RESET_REQUIRED = 9, 12, 13, 15, 16
_VERSION_MISMATCH, _NO_DATA, _NOT_READY, _GPU_NOT_FOUND, _UNKNOWN = 18, 21, 27, 28, 999

RELOADED = frozenset({_UNINITIALIZED, _INVALID_ARGUMENT, _DRIVER_NOT_LOADED, _VERSION_MISMATCH, _UNKNOWN})
"""Codes of a driver that was reloaded, or must be opened again for another reason."""
LOST = frozenset({_GPU_IS_LOST, _RESET_REQUIRED, _GPU_NOT_FOUND})
"""Codes of a board that fell off the bus, or will not come back without a reset."""
_ABSENT = frozenset({_NOT_SUPPORTED, _FUNCTION_NOT_FOUND})
"""Codes for what a board, or an old driver, has not got."""
_UNTOLD = _ABSENT | {_INVALID_ARGUMENT, _NO_PERMISSION, _NOT_FOUND, _NO_DATA, _NOT_READY}
"""Codes for what a board does not tell for now."""

_MEMBERS = ("dVal", "uiVal", "ulVal", "ullVal", "sllVal", "siVal", "usVal")
"""Where a sample's value is, by NVML's type of it."""

_FAULTS = {
    _LIBRARY_NOT_FOUND: (
        "no GPU driver: libnvidia-ml.so.1 is not on this machine",
        "Install NVIDIA's driver, run the meter on the machine that has the GPUs, or meter through Prometheus",
    ),
    _DRIVER_NOT_LOADED: ("NVIDIA's driver is not loaded", "Load it with `modprobe nvidia`, or reboot"),
    _VERSION_MISMATCH: (
        "NVIDIA's driver and its library are of different versions, as after an upgrade",
        "Reboot, or reload the driver",
    ),
    _NO_PERMISSION: (
        "no permission to ask NVIDIA's driver",
        "Let this user read and write /dev/nvidiactl, /dev/nvidia0 and so on",
    ),
    _GPU_NOT_FOUND: ("NVIDIA's driver finds no GPU", "See whether `lspci` shows one, and what `dmesg` says of it"),
    _GPU_IS_LOST: ("the GPU fell off the bus", "See what `dmesg` says of it; most often only a cold start helps"),
    _RESET_REQUIRED: ("the GPU needs a reset", "Stop what uses it, then run `nvidia-smi --gpu-reset`"),
}


class NoGpuError(SourceError):
    """The driver cannot be opened or asked, or no GPU answers."""

    remedy = "See what `nvidia-smi` says"


class DriverFault(Exception):  # noqa: N818 - it is caught within the meter, and becomes an error only if nothing helps
    """A call of the driver failed, with one of NVML's codes."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text

    def error(self) -> NoGpuError:
        """Return what it means, in one line."""
        reason, remedy = _FAULTS.get(self.code, (f"NVIDIA's driver cannot be asked: {self.text}", NoGpuError.remedy))
        return NoGpuError(reason, remedy=remedy)


NONSENSE = _NO_DATA
"""Code for an answer that cannot be true, as some drivers give for want of a better one."""
NO_GPU_FOUND = DriverFault(_GPU_NOT_FOUND, "no GPU")


@dataclass(frozen=True, slots=True)
class Board:
    """A GPU as its driver describes it; None stands for what it does not tell."""

    gpu_id: str
    """Its UUID."""
    serial: str | None
    name: str
    max_watts: Watts | None
    """Highest power limit that it takes, rounded up."""
    default_watts: Watts | None
    """Power limit that it comes with, rounded up."""
    mig: bool | None
    """Whether it is cut into MIG instances; None where it cannot be."""
    has_energy: bool
    """Whether it counts its energy."""


class NvmlDriver:
    """The driver. Every method may raise `DriverFault`."""

    def __init__(self, nvml: Any = None) -> None:
        """Open it through `nvml`, which is the module `pynvml` where none is given.

        Raises `NoGpuError` where that module is not installed.
        """
        self._nvml = _pynvml() if nvml is None else nvml
        self.open()

    def open(self) -> None:
        """Load and open the driver's library."""
        self._call(self._nvml.nvmlInit)

    def close(self) -> None:
        """Let go of the driver, as far as it is still there."""
        with suppress(DriverFault):
            self._call(self._nvml.nvmlShutdown)

    def count(self) -> int:
        """Return how many boards there are. MIG instances are parts of boards and not among them."""
        return int(self._call(self._nvml.nvmlDeviceGetCount))

    def handle(self, index: int) -> Any:
        """Return what names a board in other calls, until the driver is closed."""
        return self._call(self._nvml.nvmlDeviceGetHandleByIndex, index)

    def gpu_id(self, handle: Any) -> str:
        """Return a board's UUID."""
        return str(self._call(self._nvml.nvmlDeviceGetUUID, handle))

    def energy_mj(self, handle: Any) -> int | None:
        """Return a board's energy counter in millijoules, None where it has none."""
        energy_mj = self._told(_ABSENT, self._nvml.nvmlDeviceGetTotalEnergyConsumption, handle)
        return None if energy_mj is None else int(energy_mj)

    def duty_ppm(self, handle: Any, seen_us: int) -> tuple[Ppm | None, int | None]:
        """Return a board's duty since a time in Unix µs, and the time of the newest sample in it.

        Duty is None where it is unknown, the time where no sample is newer.
        """
        nvml = self._nvml
        told = self._told(_UNTOLD, nvml.nvmlDeviceGetSamples, handle, nvml.NVML_GPU_UTILIZATION_SAMPLES, seen_us)
        if told is not None:
            member = _MEMBERS[told[0]]
            fresh = [(row.timeStamp, getattr(row.sampleValue, member)) for row in told[1] if row.timeStamp > seen_us]
            duties = [int(percent * _PPM_PER_PERCENT) for _, percent in fresh if 0 <= percent <= 100]
            if duties:
                return Ppm(sum(duties) // len(duties)), max(stamp for stamp, _ in fresh)
        rates = self._told(_UNTOLD, nvml.nvmlDeviceGetUtilizationRates, handle)
        return (None if rates is None or rates.gpu > 100 else Ppm(rates.gpu * _PPM_PER_PERCENT)), None

    def board(self, handle: Any) -> Board:
        """Return a board's description."""
        nvml = self._nvml
        limits = self._told(_UNTOLD, nvml.nvmlDeviceGetPowerManagementLimitConstraints, handle)
        default_mw = self._told(_UNTOLD, nvml.nvmlDeviceGetPowerManagementDefaultLimit, handle)
        mig = self._told(_UNTOLD, nvml.nvmlDeviceGetMigMode, handle)
        serial = self._told(_UNTOLD, nvml.nvmlDeviceGetSerial, handle)
        return Board(
            gpu_id=self.gpu_id(handle),
            serial=None if serial is None else str(serial),
            name=str(self._call(nvml.nvmlDeviceGetName, handle)),
            max_watts=None if limits is None else _watts_up(limits[1]),
            default_watts=None if default_mw is None else _watts_up(default_mw),
            mig=None if mig is None else bool(mig[0]),
            has_energy=self.energy_mj(handle) is not None,
        )

    def _call(self, function: Any, *arguments: Any) -> Any:
        try:
            return function(*arguments)
        except self._nvml.NVMLError as error:
            raise DriverFault(error.value, str(error)) from error

    def _told(self, untold: Iterable[int], function: Any, *arguments: Any) -> Any:
        """Return what a call gives, or None where it fails with one of the codes."""
        try:
            return self._call(function, *arguments)
        except DriverFault as fault:
            if fault.code in untold:
                return None
            raise


def _watts_up(milliwatts: int) -> Watts:
    return Watts(-(-milliwatts // _MW_PER_WATT))


def _pynvml() -> Any:
    try:
        import pynvml
    except ImportError as error:
        raise NoGpuError(
            "the package nvidia-ml-py is not installed", remedy="Run `pip install 'gpu-rwa[gpu]'`"
        ) from error
    return pynvml
