"""The demo: the sample pictures, a run over rooms, its report."""
