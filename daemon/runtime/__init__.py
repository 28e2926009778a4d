"""What every room may use, and what knows none of them: rings, mailbox, threads, store, clocks, logs."""
