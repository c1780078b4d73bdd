"""Everything `make run` needs on a machine that has Python and nothing else."""
