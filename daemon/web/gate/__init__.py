"""Who may come in: hosts, origins, paired devices, tokens and limits."""
