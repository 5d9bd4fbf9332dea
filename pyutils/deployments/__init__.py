"""Deployment records that come with the package, one `<network>.json` each, known chains, and an example plan."""
