"""The whole run as one HTML page. It reads runs and writes nothing but that page."""
