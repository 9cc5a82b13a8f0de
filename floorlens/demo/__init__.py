"""The demo: samples, a run over rooms, its report."""
