"""Pictures in: the camera, which runs while a conversation does, and what may leave of a picture."""
