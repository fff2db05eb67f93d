"""What runs outside Snowflake, on Kubernetes: a kustomize base, overlays, the image."""
