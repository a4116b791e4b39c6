"""Trains mynah's scorer: recordings and experts' labels in, ONNX graphs and a manifest out."""
