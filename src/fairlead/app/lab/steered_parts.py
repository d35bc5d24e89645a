"""The parts of a lab that tests can steer (``drivers.steering``), and their names in their network namespaces."""

API_SERVER, CONTROLLERS = "apiserver", "controllers"  # in that of the switch
NODE_AGENT, NODE_PROXY = "agent", "proxy"  # in that of each node
NAME_SERVER = "dns"  # in that of each DNS Pod; see ``app.builtin_images``
