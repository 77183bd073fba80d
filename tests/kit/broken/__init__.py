"""Deliberately broken variants of driver/e1000, one bug each: `VARIANTS` in variants.py, made by variant.py."""
