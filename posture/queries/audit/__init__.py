"""Reading the audit log: its page, its exports, and whether the chain is whole."""
