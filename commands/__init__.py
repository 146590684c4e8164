"""The `lifelong` command, one module a sub-command."""
