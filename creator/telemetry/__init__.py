"""OpenTelemetry: what a run is doing, as spans in one trace. Off, and free, unless somebody wants to see them."""
