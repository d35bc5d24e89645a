"""A typed, evaluable ruleset: tables, chains, rules, sets and maps; text renderers; minimal transactions."""
