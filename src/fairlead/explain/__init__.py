"""Why an answer is what it is: a tree of checked, failed and unchecked links."""
