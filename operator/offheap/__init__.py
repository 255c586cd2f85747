"""offheap: what grows outside the Java heap, how fast, who allocates it, how sure we are, and what to do."""
