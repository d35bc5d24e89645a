"""Rules of real nodes, read from the output of iptables-save and nft: kube-proxy's, Fairlead's, and any others."""
