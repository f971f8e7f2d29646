#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs once, when the database's volume is new: the store's role, which is no superuser, and its database.
set -eu
psql --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname=postgres \
    --set=password="$(cat /run/secrets/metering.password)" <<'SQL'
CREATE ROLE metering LOGIN PASSWORD :'password';
CREATE DATABASE metering OWNER metering;
SQL
