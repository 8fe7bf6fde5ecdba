"""The rendering of values as PNG bytes, axis ticks, plotly figures and sentences."""
