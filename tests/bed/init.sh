#!/bin/sh
# init.sh WORK: becomes PID 1 of the machine, within namespaces of its own. Its
# root is this machine's root, read-only, under the layer WORK/up in memory.
set -eu
work=$1

# /proc is still the one of the host: this is the PID as the host counts.
read -r pid rest </proc/self/stat

mount --make-rprivate /
mount -t tmpfs -o mode=755 nodepol "$work/ov"
mkdir "$work/ov/up" "$work/ov/wk"
cp -a "$work/up/." "$work/ov/up/"

# Of what this machine has enabled, linked or masked, nothing shall start: each
# name in /etc/systemd/system that the layer does not bring itself is whited
# out, or, if it is a directory of both, emptied of what is not the layer's.
hide() {
    for below in "/$1"/* "/$1"/.[!.]*; do
        [ -e "$below" ] || [ -h "$below" ] || continue
        name=${below##*/}
        above=$work/ov/up/$1/$name
        if [ -d "$above" ] && [ ! -h "$above" ] && [ -d "$below" ] && [ ! -h "$below" ]; then
            hide "$1/$name"
        elif [ ! -e "$above" ] && [ ! -h "$above" ]; then
            mknod "$above" c 0 0
        fi
    done
}
for directory in etc/systemd/system etc/rc2.d etc/rc3.d etc/rc4.d etc/rc5.d etc/rcS.d; do
    mkdir -p "$work/ov/up/$directory"
    hide "$directory"
done
# Wanted by what the distribution ships: of no use here, or a way to the host.
for unit in getty.target systemd-pstore.service systemd-timesyncd.service e2scrub_reap.service \
    sys-kernel-debug.mount sys-kernel-tracing.mount sys-kernel-config.mount; do
    mask=$work/ov/up/etc/systemd/system/$unit
    [ ! -c "$mask" ] || rm "$mask"
    [ -e "$mask" ] || [ -h "$mask" ] || ln -s /dev/null "$mask"
done
# The file systems and the swap of this machine are not the fixture's.
[ -e "$work/ov/up/etc/fstab" ] || : >"$work/ov/up/etc/fstab"
# Another machine with another identity, made at each boot.
[ -e "$work/ov/up/etc/machine-id" ] || : >"$work/ov/up/etc/machine-id"
[ -e "$work/ov/up/etc/hostname" ] || echo nodepol-bed >"$work/ov/up/etc/hostname"

root=$work/root
mount -t overlay -o "lowerdir=/,upperdir=$work/ov/up,workdir=$work/ov/wk" nodepol "$root"
mkdir -p "$root/proc" "$root/sys" "$root/dev" "$root/run" "$root/tmp" "$root/mnt"
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
# Most of /proc/sys and all of /sys are the host's: not to be written to.
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
[ ! -e "$root/proc/sysrq-trigger" ] || mount --bind /dev/null "$root/proc/sysrq-trigger"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
# Without a /tmp in memory systemd-tmpfiles walks all that the host has there.
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero full random urandom tty; do
    : >"$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
if [ -e "$work/share" ]; then
    mkdir "$root/run/share"
    mount --bind "$(readlink -f "$work/share")" "$root/run/share"
fi

# Told only once the root of this process is the machine's: until then
# /proc/PID/root leads to the host, which may have a bus of its own.
exec 3>"$work/init"
cd "$root"
pivot_root . mnt
umount -l /mnt
echo "$pid" >&3
exec 3>&-
exec env -i container=nodepol PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot . /lib/systemd/systemd
