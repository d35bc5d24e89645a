"""Order of requests, and limits for each user, similar to API Priority and Fairness.

Pure: classes of users (``levels``) and the order of waiting requests (``fair_queue``). Connections and time are handled
    in ``drivers.apiserver``.
"""
