# One image for every process of mcp2; the first argument chooses it (image/entry.mjs).
# The last stage only copies: it needs no shell, and an image for another architecture is built without emulation.
ARG NODE_IMAGE=node:24-bookworm-slim

FROM --platform=$BUILDPLATFORM ${NODE_IMAGE} AS build
ARG TARGETARCH
WORKDIR /packages
COPY package.json package-lock.json ./
# No package needs its install script. Left out after that: Node itself (an optional dependency that a checkout starts
# with; here it is in the base image), and what Node cannot load: types, maps, pages, C sources and prebuilt files of
# other runtimes. Licences stay.
RUN case "$TARGETARCH" in amd64) cpu=x64 ;; *) cpu=$TARGETARCH ;; esac; \
    npm ci --omit=dev --ignore-scripts --no-audit --no-fund --no-update-notifier --os=linux ${cpu:+--cpu=$cpu} \
    && rm -rf node_modules/node-linux-* node_modules/.bin \
    && find node_modules -type f ! -iname '*license*' \
       \( -name '*.[cm]ts' -o -name '*.ts' -o -name '*.map' -o -name '*.md' \
          -o -name '*.c' -o -name '*.cc' -o -name '*.cpp' -o -name '*.h' -o -name '*.bare' \) -delete \
    && find node_modules -type d -empty -delete \
    && chmod -R u=rwX,go=rX node_modules
WORKDIR /app
COPY . .
# Whatever the checkout's own permissions were, anybody can read and nobody but root can write.
RUN rm package-lock.json && chmod -R u=rwX,go=rX /app

FROM ${NODE_IMAGE}
ARG NODE_IMAGE
ARG VERSION
ARG REVISION
ARG SOURCE
LABEL org.opencontainers.image.title="mcp2" \
      org.opencontainers.image.description="A gRPC control plane for AI agents and tools on Kubernetes, after the MCP 2.0 proposal." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.source="$SOURCE" \
      org.opencontainers.image.base.name="$NODE_IMAGE"
COPY --from=build /packages/node_modules /app/node_modules
COPY --from=build /app /app
# The user has no entry in /etc/passwd and no folder; /tmp is what a read-only root leaves writable.
ENV PATH=/app/image/bin:$PATH HOME=/tmp
WORKDIR /app
USER 65532:65532
ENTRYPOINT ["node", "/app/image/entry.mjs"]
