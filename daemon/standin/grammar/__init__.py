"""What a client may say: the grammar of its messages, the models, the set-ups that they accept."""
