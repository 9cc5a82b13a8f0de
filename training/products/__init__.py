"""Training of `overlays.onnx`, which finds what shops lay over their product pictures."""
