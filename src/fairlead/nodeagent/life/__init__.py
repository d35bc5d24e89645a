"""The life of a Pod and of its containers on a node, as state machines: a state and an event give the next state and
what is to be done. What is to be done is data; ``app.node`` does it, and reports what came of it as the next event."""
