#!/bin/sh
# Makes a database in /data on the first start, and runs PostgreSQL on it. Of the environment it takes
# POSTGRES_PASSWORD, and POSTGRES_USER and POSTGRES_DB, which are `postgres` when they are not set.
set -eu
umask 077
programs=$(echo /usr/lib/postgresql/*/bin)
user=${POSTGRES_USER:-postgres}
database=${POSTGRES_DB:-$user}
PGDATA=/data/postgresql
export PGDATA

if [ ! -d "$PGDATA" ]; then
  # What an interrupted first start left is no database.
  rm -rf /data/new
  printf '%s' "${POSTGRES_PASSWORD:?is needed for the first start}" > /data/password
  "$programs/initdb" --pgdata=/data/new --username="$user" --pwfile=/data/password --locale=C.UTF-8 --encoding=UTF8 \
    --auth-local=trust --auth-host=scram-sha-256 --no-sync
  rm /data/password
  echo 'host all all all scram-sha-256' >> /data/new/pg_hba.conf
  if [ "$database" != postgres ]; then
    echo "create database \"$database\"" | "$programs/postgres" --single -D /data/new -c jit=off postgres > /data/new/log
    rm /data/new/log
  fi
  mv /data/new "$PGDATA"
fi

exec "$programs/postgres" -c listen_addresses='*' -c unix_socket_directories=/data -c jit=off "$@"
