"""The plugins of server blocks, each with the directive that configures it; ``chain`` puts them in a row."""
