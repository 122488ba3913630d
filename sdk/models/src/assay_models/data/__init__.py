"""Pictures with labels, from whatever layout of folders the user has."""
