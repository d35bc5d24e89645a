"""The language of Corefiles: tokens, server blocks, imports, and what server blocks come to as a configuration."""
