"""Configuration: from files, flags and environment to compiled registries."""
