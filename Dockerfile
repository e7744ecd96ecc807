# The sandbox image: sandbox/ and its few dependencies, and nothing of the trusted side.
ARG BASE_IMAGE=python:3.12-slim
FROM ${BASE_IMAGE}

# A venv, because a distribution's own Python refuses to be installed into. Dependencies first: they change rarely.
COPY sandbox/requirements.txt /opt/cell/requirements.txt
RUN python3 -m venv /opt/cell/venv \
    && /opt/cell/venv/bin/pip install --no-cache-dir --require-hashes -r /opt/cell/requirements.txt
COPY sandbox/ /opt/cell/sandbox/

ENV GRPC_ENABLE_FORK_SUPPORT=0 \
    GRPC_VERBOSITY=NONE \
    LANG=C.UTF-8 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONPATH=/opt/cell \
    PYTHONUNBUFFERED=1
RUN /opt/cell/venv/bin/python -m compileall -q /opt/cell/sandbox

# Numeric, so that it needs no entry in /etc/passwd.
USER 65534:65534
WORKDIR /tmp
ENTRYPOINT ["/opt/cell/venv/bin/python", "-P", "-m", "sandbox.supervisor"]
