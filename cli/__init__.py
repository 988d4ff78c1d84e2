"""The command line: what operators ask for and do without an HTTP client, on the database and Redis themselves."""
