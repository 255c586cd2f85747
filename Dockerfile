# The operator. Build context: the repository's root.
FROM debian:trixie-slim AS runtime
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log /usr/lib/python3.*/test /usr/lib/python3.*/pydoc_data

FROM runtime AS build
RUN apt-get update && apt-get install -y --no-install-recommends python3-venv
COPY requirements.lock /build/
# Without pip: what runs needs no installer. Bytecode is compiled now, for the image runs with a read-only root file system.
RUN python3 -m venv --without-pip /opt/offheap \
 && python3 -m venv /build/installer \
 && /build/installer/bin/pip --python /opt/offheap/bin/python install --no-cache-dir --no-compile --require-hashes -r /build/requirements.lock \
 && find /opt/offheap/lib -type d \( -name tests -o -name test \) -prune -exec rm -rf {} + \
 # The operator speaks raw JSON through kubernetes.aio: the generated classes of the other client (40 MB) are never imported,
 # those of kubernetes.aio only where an import asks for one; neither is worth its bytecode (49 MB).
 && rm -rf /opt/offheap/lib/python3*/site-packages/kubernetes/client/api/* /opt/offheap/lib/python3*/site-packages/kubernetes/client/models/* \
 # Colours for source code in every language (9 MB): the operator prints none.
 && find /opt/offheap/lib/python3*/site-packages/pygments/lexers -name '[a-z]*.py' -delete \
 && python3 -m compileall -q -j 2 --invalidation-mode unchecked-hash -x 'client/(api|models)/' /opt/offheap/lib
COPY operator/offheap /opt/offheap/lib/python3.13/site-packages/offheap
RUN python3 -m compileall -q --invalidation-mode unchecked-hash /opt/offheap/lib/python3.13/site-packages/offheap

FROM runtime AS graphs
RUN find / -xdev -type f -printf '%f\n' -o -type l -printf '%f\n' > /present \
 && apt-get update \
 && apt-get install -y --no-install-recommends fonts-dejavu-core graphviz libjemalloc-dev
COPY images/operator/graphs.sh /build/
RUN sh /build/graphs.sh /present /graphs

FROM runtime
COPY --from=graphs /graphs /
# dot looks up its writers in a list that it makes itself.
RUN ldconfig && dot -c
COPY --from=build /opt/offheap /opt/offheap
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
ENTRYPOINT ["/opt/offheap/bin/python", "-m", "offheap"]
