"""Everything at once against one API server, with an oracle outside that knows what must be true: ``make robustness``.

Writers write, watchers watch, clients misbehave, the disk fails and fills up, and the process is killed, for as many
minutes as are given. What was acknowledged must be there, what was refused must not, versions only grow, watches
are in order, and no address or port is given twice.
"""
