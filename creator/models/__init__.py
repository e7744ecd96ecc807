"""Language models: the embedded one, providers, retries and accounting, and ways to fill structured answers."""
