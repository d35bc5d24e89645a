"""The API server's memory on disk, and how it is known to be whole.

Three things are written beside the objects, each against one kind of damage:

* a checksum in every row, so that a changed document is told from an acknowledged one, and named;
* a summary (``checksums.Summary``: the version, the number of objects, and a digest over all rows) in the same
  transaction as each change, so that rows that vanished or came back from an older page do not add up;
* a mark (``mark``) in a file of its own, written after each commit and before its acknowledgement: how far the store
  must reach. SQLite ends its write-ahead log at the first frame that is damaged, as if nothing had ever followed; the
  mark remembers what did.

All three are compared at start (``examination``) before anything is written. Nothing is repaired silently:
``copies.restore_store`` puts a backup in place, ``salvage`` keeps the intact objects if the user agrees.
"""
