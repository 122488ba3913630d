"""Training: the loop with its checkpoints, and what is asked of a step (labels, a teacher, an attacker)."""
