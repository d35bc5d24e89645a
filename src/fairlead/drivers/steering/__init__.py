"""Lets tests steer the parts of a lab: ask how far one is, and have it misbehave for a while.

Nothing of this is there in a part that runs by itself.
"""
