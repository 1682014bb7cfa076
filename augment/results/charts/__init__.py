"""Plotly figures. Each takes records or plain figures and knows nothing of pages."""
