"""What is wrong with an installation, and what to do about it; a file a part, each gives findings."""
