#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The first boot of a gateway. Each step looks whether it is done: what was cut off is begun again.
#   first-boot.sh install   by cloud-init: puts the units in their places and starts them
#   first-boot.sh run       by edge-first-boot.service, until all of it is done
set -eu
boot=/boot/firmware
card=$boot/edge-agent
here=/usr/local/lib/edge-agent
. "$card/card.conf"

say() {
    echo "$*"
    mkdir -p /run/issue.d
    printf '\n  First boot of %s: %s\n\n' "$gateway" "$*" > /run/issue.d/edge-first-boot.issue
    agetty --reload || true
    echo "$*" > "$card/first-boot.txt"
}

install_units() {
    install -d "$here" /etc/edge-agent
    install -m 0755 "$card"/*.sh "$here"
    install -m 0644 "$card"/*.service "$card"/*.timer /etc/systemd/system/
    systemctl daemon-reload
    systemctl enable ssh.service
    systemctl start --no-block ssh.service
    systemctl enable edge-first-boot.service
    systemctl start --no-block edge-first-boot.service
}

# The root grows to $root_gib; what is left of the card becomes the partition of the data.
data_partition() {
    root=$(findmnt -n -o SOURCE /)
    disk=/dev/$(lsblk -n -d -o PKNAME "$root")
    number=$(cat "/sys/class/block/${root#/dev/}/partition")
    if [ -z "$(blkid -L edge-data)" ]; then
        say "dividing the card"
        start=$(cat "/sys/class/block/${root#/dev/}/start")
        end=$((root_gib * 2097152))
        sectors=$(blockdev --getsz "$disk")
        if [ $((end + 2097152)) -gt "$sectors" ]; then
            say "this card is too small: $((root_gib + 2)) GB at least, or a smaller root_gib"
            exit 1
        fi
        data=$(lsblk -n -l -o NAME "$disk" | sed -n 4p)
        if [ -z "$data" ]; then
            echo "$start,$((end - start))" | sfdisk -q --no-reread --force -N "$number" "$disk"
            echo "$end," | sfdisk -q --no-reread --force --append "$disk"
            partx -u "$disk"
            data=$(lsblk -n -l -o NAME "$disk" | sed -n 4p)
        fi
        mkfs.ext4 -q -F -m 1 -L edge-data "/dev/$data"
    fi
    resize2fs "$root"
}

# What has to outlive a restart stands on the data partition, and is bound to its usual place.
data_folders() {
    mkdir -p /data
    kept="/var/lib/edge-agent /etc/edge-agent /var/log/journal /var/lib/systemd/timesync"
    options="nofail,x-systemd.device-timeout=30s"
    grep -q '^LABEL=edge-data ' /etc/fstab ||
        echo "LABEL=edge-data /data ext4 noatime,commit=30,errors=remount-ro,$options 0 2" \
            >> /etc/fstab
    mountpoint -q /data || mount /data
    for folder in $kept; do
        on_data=/data$folder
        mkdir -p "$folder"
        if [ ! -d "$on_data" ]; then
            mkdir -p "${on_data%/*}"
            cp -a "$folder" "$on_data.new"
            mv "$on_data.new" "$on_data"
        fi
        grep -q "^$on_data " /etc/fstab ||
            echo "$on_data $folder none bind,nofail,x-systemd.requires-mounts-for=/data 0 0" \
                >> /etc/fstab
        mountpoint -q "$folder" || mount "$folder"
    done
    sed -i 's#\( /boot/firmware  *vfat  *defaults\)\([^,]\)#\1,ro\2#' /etc/fstab
    systemctl daemon-reload
}

# journal bounded; the hardware restarts a system that hangs; no swap on the card; clock kept.
settings() {
    put() {
        mkdir -p "${1%/*}"
        cat > "$1"
    }
    put /etc/systemd/journald.conf.d/90-edge-agent.conf <<'CONF'
[Journal]
Storage=persistent
SystemMaxUse=64M
SyncIntervalSec=5m
RateLimitIntervalSec=30s
RateLimitBurst=1000
CONF
    put /etc/systemd/system.conf.d/90-edge-agent.conf <<'CONF'
[Manager]
RuntimeWatchdogSec=15
RebootWatchdogSec=2min
CONF
    put /etc/systemd/timesyncd.conf.d/90-edge-agent.conf <<'CONF'
[Time]
SaveIntervalSec=30min
CONF
    put /etc/systemd/system/edge-agent.service.d/90-card.conf <<'CONF'
[Unit]
RequiresMountsFor=/var/lib/edge-agent /etc/edge-agent
CONF
    put /etc/rpi/swap.conf.d/90-edge-agent.conf <<'CONF'
[Main]
Mechanism=zram
CONF
    for unit in dphys-swapfile.service fake-hwclock.service apt-daily.timer apt-daily-upgrade.timer
    do
        systemctl disable "$unit" 2> /dev/null || true
    done
}

packages() {
    if ! (cd "$card" && sha256sum --check --quiet SHA256SUMS); then
        say "a file on this card was changed: run image prepare on it again"
        exit 1
    fi
    if [ "$(timedatectl show -p NTPSynchronized --value)" != yes ]; then
        say "waiting for a network and the time"
        exit 1
    fi
    say "installing (this takes some minutes)"
    export DEBIAN_FRONTEND=noninteractive
    dpkg --configure -a || true
    apt-get update -q
    # Also what a cut of the power left half unpacked, which apt takes for installed.
    cut=$(dpkg-query -W -f '${db:Status-Eflag} ${Package}\n' |
        sed -n '/ edge-agent$/d; s/^reinstreq //p')
    # shellcheck disable=SC2086 - names
    apt-get install -q -y --reinstall --no-install-recommends \
        overlayroot unattended-upgrades "$card/$package" $cut || {
        say "the packages could not be installed; it is tried again"
        exit 1
    }
    chown -R edge-agent: /etc/edge-agent /var/lib/edge-agent
}

finish() {
    systemctl enable edge-card.service edge-window.service
    [ "$updates" = no ] || systemctl enable edge-window.timer
    "$here/at-boot.sh"
    mkdir -p /etc/cloud
    : > /etc/cloud/cloud-init.disabled
    printf '# taken at the first boot\n' > "$boot/network-config"
    rm -f /run/issue.d/edge-first-boot.issue
    echo "done" > "$card/first-boot.txt"
    systemctl disable edge-first-boot.service
    sync
    [ "$read_only" = no ] || "$here/window.sh" close
    systemctl --no-block reboot
}

case "$1" in
    install) install_units ;;
    run)
        mount -o remount,rw "$boot"
        data_partition
        data_folders
        settings
        packages
        finish
        ;;
esac
