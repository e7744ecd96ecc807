"""The trusted agents: they live on the same distributed runtime as everyone, outside the sandbox."""
