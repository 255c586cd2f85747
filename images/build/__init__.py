"""Builds the project's images with whichever builder is there, and only when their content has changed.

`python -m images.build NAME…` is the command line; README.md in cluster/ says how base images come without a registry.
"""
