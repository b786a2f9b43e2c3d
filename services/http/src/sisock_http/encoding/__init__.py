"""Columns as JSON, CSV, Arrow, npz and packed; knows neither requests nor who asked."""
