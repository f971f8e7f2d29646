#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Works on a disk with the partitions of Raspberry Pi OS, in mounts of its own.
#   in_disk.sh make DEVICE ROOT BOOT FOLDER   partitions, Debian's root, the files of the boot partition
#   in_disk.sh run DEVICE FOLDER COMMAND      a command in that root; there is no systemd
set -eu
[ "${ALONE:-}" = yes ] || ALONE=yes exec unshare --mount --propagation private sh "$0" "$@"

mounted() {
    mkdir -p "$folder"
    mount "${device}p2" "$folder"
    mkdir -p "$folder/boot/firmware"
    mount "${device}p1" "$folder/boot/firmware"
    mount --bind /dev "$folder/dev"
    mount -t proc proc "$folder/proc"
    mount -t sysfs sys "$folder/sys"
    mount -t tmpfs run "$folder/run"
    cp /etc/resolv.conf "$folder/etc/resolv.conf"
}

tool() {
    printf '#!/bin/sh\n%s\n' "$2" > "$folder/usr/local/bin/$1"
    chmod 755 "$folder/usr/local/bin/$1"
}

device=$2
case "$1" in
    make)
        root=$3 boot=$4 folder=$5
        mount --bind /dev "$root/dev"
        printf 'label: dos\nstart=16384,size=262144,type=c\nstart=278528,size=3670016,type=83\n' |
            chroot "$root" sfdisk -q --no-reread --force "$device"
        partx -u "$device" || partx -a "$device"
        chroot "$root" mkfs.ext4 -q -F -L bootfs "${device}p1"
        chroot "$root" mkfs.ext4 -q -F -L rootfs "${device}p2"
        umount "$root/dev"
        mkdir -p "$folder"
        mount "${device}p2" "$folder"
        cp -a "$root/." "$folder/"
        mkdir -p "$folder/boot/firmware"
        mount "${device}p1" "$folder/boot/firmware"
        cp -r "$boot/." "$folder/boot/firmware/"
        id=$(dd if="$device" bs=4 count=1 skip=110 status=none | od -An -tx4 | tr -d ' ')
        cat > "$folder/etc/fstab" <<FSTAB
proc            /proc           proc    defaults          0       0
PARTUUID=$id-01  /boot/firmware  vfat    defaults          0       2
PARTUUID=$id-02  /               ext4    defaults,noatime  0       1
FSTAB
        ;;
    run)
        folder=$3
        mounted
        tool systemctl 'case $1 in enable|disable) exec /usr/bin/systemctl "$@";; *) echo "systemctl $*";; esac'
        tool timedatectl "echo $SYNCHRONISED"
        [ "$MAY_RESIZE" = yes ] || tool resize2fs 'echo "resize2fs $*: not allowed on this machine"'
        chroot "$folder" sh -c "$4"
        ;;
esac
