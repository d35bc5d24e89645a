"""Services and Pods in, a plan of EndpointSlice writes out."""
