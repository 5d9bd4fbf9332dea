"""What a reporter publishes, how others fetch it, and how a report is built again from it."""
