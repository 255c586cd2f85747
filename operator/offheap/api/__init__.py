"""The resources as pydantic models, and the CRDs made of them: nothing else in the package knows field names."""
