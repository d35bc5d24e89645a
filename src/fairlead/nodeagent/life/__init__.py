"""The life of a Pod and of its containers on a node, as pure state machines whose effects ``app.node`` carries out."""
