"""From samples to cumulative counters: one rule, whichever meter the samples come from."""

from pyutils.meter.build import build_leaf_file, build_report_data, verify_leaf_file
from pyutils.meter.fleet import FleetMeter
from pyutils.meter.leaf_file import LeafFile, parse_leaf_file, read_leaf_file, write_leaf_file
from pyutils.meter.page import SamplePage, parse_rows, read_page, write_page
from pyutils.meter.series import GpuSeries, Sample, to_samples, to_series
from pyutils.meter.source import SampleSource, SourceError
from pyutils.meter.synthetic import Cast, synthetic_trace
from pyutils.meter.trace import Trace, TraceSource, read_trace, write_trace

__all__ = [
    "Cast",
    "FleetMeter",
    "GpuSeries",
    "LeafFile",
    "Sample",
    "SamplePage",
    "SampleSource",
    "SourceError",
    "Trace",
    "TraceSource",
    "build_leaf_file",
    "build_report_data",
    "parse_leaf_file",
    "parse_rows",
    "read_leaf_file",
    "read_page",
    "read_trace",
    "synthetic_trace",
    "to_samples",
    "to_series",
    "verify_leaf_file",
    "write_leaf_file",
    "write_page",
    "write_trace",
]
