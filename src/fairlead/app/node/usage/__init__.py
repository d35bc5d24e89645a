"""What the Pods of a node use, and what they may."""
