"""Who comes in, and by what: keys, ephemeral tokens, plain HTTP."""
