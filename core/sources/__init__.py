"""The registry of sources: adding one is a file here, a line below and a recorded answer in the tests."""
