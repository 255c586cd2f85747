"""`make demo`: a leaking Deployment, one resource, and the answer, as a user would see them."""
