"""The system as a machine: contracts and mirrors driven side by side."""
