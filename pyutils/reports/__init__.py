"""Reports: figures, and one page that opens from disk."""
