"""The program in the ephemeral container: it reads one JVM's memory from beside it and says it on stdout, line by line.

What it uses is charged to the target's pod, so it is one small process: the standard library only, few modules, large
texts compressed while they are read. It takes no orders once started, ends by itself, and starts nothing twice.
It knows nothing of the rest of the package, because it is copied alone into the collector's image.
"""
