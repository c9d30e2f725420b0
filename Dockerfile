# syntax=docker/dockerfile:1
# One image for linux/amd64 and linux/arm64:
#   docker buildx build --platform linux/amd64,linux/arm64 --tag ghcr.io/msapp/msapp:0.1.0 .
# The compiler always runs on the machine that builds, and crosses to the target: nothing is emulated.
# Behind a mirror, name the two base images with --build-arg.
ARG BUILD_IMAGE=docker.io/library/rust:1.95-bookworm
# glibc and libgcc of the same Debian as the build image, no shell, and a user that is not root.
ARG RUNTIME_IMAGE=gcr.io/distroless/cc-debian12:nonroot

FROM --platform=$BUILDPLATFORM ${BUILD_IMAGE} AS build
ARG TARGETARCH
WORKDIR /src

# The Rust target, and its C compiler and linker where the target is not the machine's own.
RUN <<SH
set -eu
case "$TARGETARCH" in
  amd64) triple=x86_64-unknown-linux-gnu gnu=x86_64-linux-gnu package=x86-64-linux-gnu ;;
  arm64) triple=aarch64-unknown-linux-gnu gnu=aarch64-linux-gnu package=aarch64-linux-gnu ;;
  *) echo "no build for TARGETARCH=$TARGETARCH: amd64 or arm64" >&2; exit 1 ;;
esac
if [ "$(dpkg --print-architecture)" != "$TARGETARCH" ]; then
  apt-get update
  apt-get install --yes --no-install-recommends "gcc-$package" "libc6-dev-$TARGETARCH-cross"
  rm -rf /var/lib/apt/lists/*
fi
rustup target add "$triple"
variable=$(echo "$triple" | tr 'a-z-' 'A-Z_')
printf 'export CARGO_BUILD_TARGET=%s CARGO_TARGET_%s_LINKER=%s-gcc\n' "$triple" "$variable" "$gnu" > /target.env
SH

COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,id=msapp-target-$TARGETARCH,target=/src/target,sharing=locked <<SH
set -eu
. /target.env
cargo build --release --locked --package msapp --bin msapp
cp "target/$CARGO_BUILD_TARGET/release/msapp" /msapp
SH

FROM ${RUNTIME_IMAGE}
LABEL org.opencontainers.image.title="msapp" \
      org.opencontainers.image.description="Kubernetes operator: one MicroserviceApp becomes a whole system of microservices" \
      org.opencontainers.image.source="https://github.com/msapp/msapp" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /msapp /msapp
# By number, so that a kubelet can verify runAsNonRoot.
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/msapp"]
CMD ["controller"]
