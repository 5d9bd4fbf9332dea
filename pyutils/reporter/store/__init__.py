"""The reporter's store: what was promised and how far each report got, in one SQLite file that outlives any crash."""
