"""The verbs of the API: read, list, watch, write, apply and delete, for every kind alike."""
