"""Who is served first, and how much of the server one user may take, in the spirit of API Priority and Fairness.

Pure: classes of users (``levels``) and the order of waiting requests (``fair_queue``). What has connections and time is
in ``drivers.apiserver``.
"""
