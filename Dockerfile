# One image for all that runs away from a developer's machine: tasks of a compiled pipeline (Kubeflow,
# Vertex), commands in pods and CronJobs (`lifelong submit`, `compile`, `fetch`, `serve`), and Beam's
# workers (Flink, Spark, Dataflow).
#   make image IMAGE=registry.example.com/shop/lifelong:0.1.0
#
# It is of the current platform; of the older one:
#   docker build --build-arg PYTHON=3.10 --build-arg DEBIAN=bookworm --build-arg TFX=1.16 --build-arg BEAM=2.59.0 .
#
# A fixed base instead of the newest of its tag: python:3.13-slim-trixie@sha256:DIGEST, as
# `docker buildx imagetools inspect python:3.13-slim-trixie` tells it; likewise for Beam's image.
ARG PYTHON=3.13
ARG DEBIAN=trixie
ARG TFX=1.21
ARG BEAM=2.77.0

FROM python:${PYTHON}-slim-${DEBIAN} AS base
# Tasks and commands end; what serves has probes in Kubernetes.
HEALTHCHECK NONE

# hadolint ignore=DL3057
FROM apache/beam_python${PYTHON}_sdk:${BEAM} AS beam

FROM base AS build
ARG TFX
# Another index than PyPI, without a password, which the record of the build would keep:
# docker build --build-arg PIP_INDEX_URL=URL --build-arg UV_DEFAULT_INDEX=URL
ARG PIP_INDEX_URL
ARG UV_DEFAULT_INDEX
# pyfarmhash has no wheel. Debian keeps one version of a package, so that a pinned one is gone soon.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends g++ && rm -rf /var/lib/apt/lists/*
RUN pip install --no-cache-dir uv==0.13.9
ENV VIRTUAL_ENV=/opt/lifelong UV_COMPILE_BYTECODE=1
WORKDIR /opt/source
COPY constraints constraints
# Beam's entry point installs what workers are sent, if they are, with pip. TensorFlow's headers are for
# building kernels.
RUN uv venv --seed "$VIRTUAL_ENV" \
    && uv pip install --no-deps -r "constraints/tfx-$TFX.txt" \
        --excludes constraints/not-in-image.txt \
    && rm -r "$VIRTUAL_ENV"/lib/python*/site-packages/tensorflow/include
COPY . .
RUN uv pip install --no-deps --no-build-isolation .

FROM base
# LightGBM needs OpenMP. No version, as above.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/*
# Kubeflow before 2.3 makes folders of artifacts below these three as the user of the task.
RUN useradd --uid 10001 --home-dir /tmp --no-create-home lifelong \
    && install --directory --owner=lifelong /gcs /minio /s3
COPY --from=beam /opt/apache/beam /opt/apache/beam
COPY --from=build /opt/lifelong /opt/lifelong
# TFRS needs tf_keras, and a file system may be read-only but for /tmp. Beam's entry point would make
# an environment of its own, which sees nothing of this one.
ENV PATH=/opt/lifelong/bin:$PATH \
    HOME=/tmp \
    PYTHONUNBUFFERED=1 \
    TF_USE_LEGACY_KERAS=1 \
    TF_CPP_MIN_LOG_LEVEL=2 \
    RUN_PYTHON_SDK_IN_DEFAULT_ENVIRONMENT=1
USER 10001
WORKDIR /tmp
# Of Beam's workers. Kubeflow and Kubernetes name a command themselves; elsewhere:
# docker run --entrypoint lifelong IMAGE compile --help
ENTRYPOINT ["/opt/apache/beam/boot"]
