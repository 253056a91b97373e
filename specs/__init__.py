"""Contracts of image-generation APIs as data, and everything that can be derived from them; imports no other room."""
