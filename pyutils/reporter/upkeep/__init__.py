"""How a daemon does: health, metrics, and alarms for what it cannot mend by itself."""
