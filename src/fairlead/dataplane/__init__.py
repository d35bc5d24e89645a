"""From a snapshot to what one node forwards, then to rules of either back end."""
