#!/bin/sh
# supervise.sh WORK SCRIPT: boots the machine that WORK/up is a layer of, takes
# it down when standard input ends, and removes WORK. Standard input is a pipe of
# which the test holds the other end, so a test that is killed takes its machine
# with it.
#
# Written to WORK: `machine`, the PID of the process that holds the namespaces,
# and `init`, the PID of the systemd in them, both as seen from here.
set -u
work=$1
script=$2

cgroups=/sys/fs/cgroup/unified
[ -d "$cgroups" ] || cgroups=/sys/fs/cgroup
cgroup=$cgroups/nodepol-$$
mkdir "$cgroup" || exit 1

# In a control group of its own from the first moment: a systemd that finds
# itself in the group of the host would move the host's processes about.
(
    echo 0 >"$cgroup/cgroup.procs" || exit 1
    exec unshare --mount --cgroup --pid --uts --ipc --net --fork --kill-child \
        sh "$script" "$work" </dev/null
) &
machine=$!
echo "$machine" >"$work/machine"

cat >/dev/null

kill -KILL "$machine" 2>/dev/null
wait "$machine" 2>/dev/null
# The groups that systemd made within; they are empty once the last process of
# the namespace has been reaped, which takes the kernel a moment.
for _ in $(seq 50); do
    find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null
    if [ ! -d "$cgroup" ]; then
        # Its mounts were in the namespace: here these are empty directories.
        rm -rf --one-file-system "$work"
        exit 0
    fi
    sleep 0.1
done
echo "the control group $cgroup is left behind" >&2
exit 1
