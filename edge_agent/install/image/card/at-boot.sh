#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# At each boot: makes the keys and the request for the office, takes the certificate that came back
# on the card, and shows on the screen and on the card who this gateway is.
set -eu
boot=/boot/firmware
card=$boot/edge-agent
. "$card/card.conf"

agent() {
    runuser -u edge-agent -- /usr/bin/edge-agent "$@"
}

# Runs a command with the boot partition writable; it is read-only before and after.
on_card() {
    was=$(findmnt -n -o OPTIONS "$boot" | cut -d, -f1)
    mount -o remount,rw "$boot"
    failed=0
    "$@" || failed=$?
    sync
    [ "$was" = rw ] || mount -o remount,ro "$boot"
    return "$failed"
}

keys_and_request() {
    [ -e gateway.key ] || agent keygen gateway.key
    if [ -e "$card/invitation" ] && [ ! -e tls.pem ] && ! cmp -s "$card/invitation" invitation; then
        install -o edge-agent -m 0644 "$card/invitation" invitation
        rm -f request
    fi
    if [ -e invitation ] && [ ! -s request ]; then
        if agent request --invitation invitation > request.new 2> enrolment.txt; then
            mv request.new request
        else
            rm -f request.new
        fi
        chown -f edge-agent: request enrolment.txt || true
    fi
    [ ! -s request ] || cmp -s request "$card/$gateway.request" ||
        on_card cp request "$card/$gateway.request"
}

certificate() {
    [ -e "$card/$gateway.cert" ] || return 0
    if agent install-cert "$card/$gateway.cert" > certificate.txt 2>&1; then
        on_card mv "$card/$gateway.cert" "$card/$gateway.cert.taken"
    fi
}

tell() {
    {
        echo "Gateway      $gateway"
        grep '^fingerprint' enrolment.txt 2> /dev/null || true
        if [ -e tls.pem ]; then
            echo "Certificate  $(head -n 1 certificate.txt 2> /dev/null)"
        elif [ ! -s request ]; then
            echo "Next         no request could be made: put an invitation of the office as the file"
            echo "             invitation into the folder edge-agent of this card, and start the"
            echo "             gateway again"
            cat enrolment.txt 2> /dev/null || true
        else
            cat certificate.txt 2> /dev/null || true
            echo "Next         read the fingerprint to the office, and send it $gateway.request"
            echo "             from the folder edge-agent of this card; put the $gateway.cert that"
            echo "             comes back beside it, and start the gateway again"
        fi
    } > /run/edge-agent-card.txt
    mkdir -p /run/issue.d
    { echo; sed 's/^/  /' /run/edge-agent-card.txt; echo; } > /run/issue.d/edge-agent.issue
    agetty --reload || true
    cmp -s /run/edge-agent-card.txt "$card/gateway.txt" ||
        on_card cp /run/edge-agent-card.txt "$card/gateway.txt"
}

cd /etc/edge-agent
keys_and_request
certificate
tell
