"""The language of Corefiles: tokens, server blocks, imports, and values."""
