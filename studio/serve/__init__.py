"""The studio in a browser: one server, one cookie, no request to anywhere else."""
