"""The service: the one place that speaks to `google.genai`, and where its types and errors end."""
