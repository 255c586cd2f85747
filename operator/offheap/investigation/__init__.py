"""The pure core of the operator: from the resource, what the cluster shows and the time, to the next step.

``plan`` decides, ``transitions`` make the next status, ``problems`` are the reasons why something is not done. Nothing here
does I/O.
"""
