"""What `make run` starts: embedded services, and the Procfile's commands under one runner.

Knows the other rooms by their commands alone.
"""
