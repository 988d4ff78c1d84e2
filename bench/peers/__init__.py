"""What people would write instead, driven as each one's own documentation says. They run in .venv-bench."""
