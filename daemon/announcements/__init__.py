"""What the house has the speaker say: word for word, each in its turn, and none twice."""
