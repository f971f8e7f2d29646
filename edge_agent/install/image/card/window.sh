#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The weekly window in which the read-only system is written: security updates, and a newer package
# that somebody put on the card.
#   window.sh open    by edge-window.timer: starts the machine again, writable
#   window.sh run     by edge-window.service, in the boot that follows
#   window.sh close   read-only from the next start on
#   window.sh hold    by a person: starts the machine again, writable until end, or the next window
#   window.sh end     read-only, and starts the machine again
set -eu
boot=/boot/firmware
card=$boot/edge-agent
flag=$card/window
word=overlayroot=tmpfs:recurse=0
. "$card/card.conf"

# Writes the kernel's command line whole, or not at all.
command_line() {
    mount -o remount,rw "$boot"
    printf '%s\n' "$1" > "$boot/cmdline.new"
    sync
    mv "$boot/cmdline.new" "$boot/cmdline.txt"
    sync
}

plain_line() {
    sed 's# *overlayroot=[^ ]*##g; s#^ ##' "$boot/cmdline.txt"
}

open() {
    command_line "$(plain_line)"
    echo 0 > "$flag"
    sync
    systemctl --no-block reboot
}

hold() {
    command_line "$(plain_line)"
    systemctl --no-block reboot
}

close() {
    command_line "$word $(plain_line)"
    rm -f "$flag"
    sync
}

run() {
    mount -o remount,rw "$boot"
    tries=$(($(cat "$flag") + 1))
    echo "$tries" > "$flag"
    sync
    [ "$tries" -le 3 ] || exit 1
    export DEBIAN_FRONTEND=noninteractive
    dpkg --configure -a || true
    apt-get update -q || true
    from_card
    cut=$(cut_off)
    # shellcheck disable=SC2086 - names
    [ -z "$cut" ] || apt-get install -q -y --reinstall --no-install-recommends $cut
    dpkg --configure -a
    unattended-upgrade
    apt-get clean
}

# What a cut of the power left half unpacked: dpkg configures it not, and apt takes it for installed.
cut_off() {
    dpkg-query -W -f '${db:Status-Eflag} ${Package}\n' | sed -n '/ edge-agent$/d; s/^reinstreq //p'
}

# Installs a newer package of the card, and again the one whose installation was cut off.
from_card() {
    for each in "$card"/edge-agent*.deb; do
        [ -e "$each" ] || continue
        wanted=gt
        [ "$(dpkg-query -W -f '${db:Status-Status}' edge-agent)" = installed ] || wanted=ge
        dpkg --compare-versions "$(dpkg-deb -f "$each" Version)" "$wanted" \
            "$(dpkg-query -W -f '${Version}' edge-agent)" || continue
        apt-get install -q -y --reinstall --no-install-recommends "$each"
    done
}

case "$1" in
    open) open ;;
    hold) hold ;;
    run) run ;;
    close) close ;;
    end)
        mount -o remount,rw "$boot"
        rm -f "$flag"
        [ "$read_only" = no ] || close
        systemctl --no-block reboot
        ;;
esac
