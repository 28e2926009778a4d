"""What each kind of client says and is told: from its messages to acts, from news to messages. Pure."""
