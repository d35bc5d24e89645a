"""Rules of real nodes, read from what iptables-save and nft print: kube-proxy's, ours, and whatever is around them."""
