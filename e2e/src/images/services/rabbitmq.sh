#!/bin/sh
# Runs RabbitMQ with its files in /data. Of the environment it takes RABBITMQ_DEFAULT_USER, RABBITMQ_DEFAULT_PASS and
# RABBITMQ_DEFAULT_VHOST, which are `guest`, `guest` and `/` when they are not set.
set -eu
umask 077
cat > /data/rabbitmq.conf <<CONFIGURATION
default_user = ${RABBITMQ_DEFAULT_USER:-guest}
default_pass = ${RABBITMQ_DEFAULT_PASS:-guest}
default_vhost = ${RABBITMQ_DEFAULT_VHOST:-/}
loopback_users = none
CONFIGURATION
exec /usr/lib/rabbitmq/bin/rabbitmq-server "$@"
