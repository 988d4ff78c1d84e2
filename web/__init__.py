"""The web application: unpacks requests, calls what db and workers offer, and shapes the answers."""
