#!/bin/sh
# Runs Redis with its files in /data. Of the environment it takes REDIS_PASSWORD: without it nobody is asked for one.
set -eu
if [ -n "${REDIS_PASSWORD:-}" ]; then
  set -- --requirepass "$REDIS_PASSWORD" "$@"
fi
exec /usr/bin/redis-server --dir /data --save '' --appendonly yes --protected-mode no "$@"
