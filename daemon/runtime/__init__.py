"""What all rooms stand on and what knows none of them: rings, mailbox, threads, store, clocks, logs."""
