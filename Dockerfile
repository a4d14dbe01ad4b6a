# Two stages: the compiler stays in the first.
#
#   docker build -t multistore .
#   docker run --read-only -p 8080:8080 -v ./config.toml:/etc/multistore/config.toml:ro multistore
ARG PYTHON_VERSION=3.12

FROM python:${PYTHON_VERSION}-slim-bookworm AS build
# Versions of Debian packages follow the base image.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends gcc libc6-dev libssl-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN python -m venv /opt/multistore \
 && /opt/multistore/bin/pip install --no-cache-dir .

FROM python:${PYTHON_VERSION}-slim-bookworm
ARG VERSION=unknown
LABEL org.opencontainers.image.title="multistore" \
      org.opencontainers.image.description="An S3 gateway: S3 clients on one side, any object store on the other" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}"
# libcrypto, which the kernel links to, and the authorities that backends are verified against.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends libssl3 ca-certificates \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/multistore /opt/multistore
# Nothing is written at run time: no bytecode, no home, no shell needed.
ENV PATH=/opt/multistore/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    MULTISTORE_CONFIG=/etc/multistore/config.toml
USER 10001:10001
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 \
  CMD ["multistore", "healthcheck"]
ENTRYPOINT ["multistore"]
CMD ["serve"]
