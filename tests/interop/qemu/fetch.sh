#!/usr/bin/env bash
# Fetches QEMU with vfio-user and a Linux guest from Debian into a folder: fetch.sh FOLDER.  Needs no root, installs nothing.
#
# The packages come from the Debian archive that this machine's apt already uses, from the suite trixie and its backports
# (QEMU speaks vfio-user from 10.1 on), with apt's own clients, a private state and Debian's keys.  FOLDER then holds
#   qemu-system-x86_64  starts QEMU
#   qemu/root           its libraries and its firmware, unpacked
#   guest/root          busybox, ethtool and the kernel's modules, unpacked
#   guest/vmlinux       the kernel, uncompressed, with a PVH entry
set -euo pipefail
folder=$(mkdir -p "$1" && cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
suite=trixie
[ -e "$folder/complete" ] && exit 0
[ "$(dpkg --print-architecture)" = amd64 ] || { echo "fetch.sh: QEMU from Debian's amd64 packages runs on amd64 alone" >&2; exit 1; }

archive=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 2>/dev/null | head -n 1)
[ -n "$archive" ] || { echo "fetch.sh: apt knows no Debian archive here" >&2; exit 1; }

export APT_CONFIG="$folder/apt/apt.conf"
mkdir -p "$folder"/apt/{state/lists/partial,cache/archives/partial,empty}
: > "$folder/apt/status"
for part in "$suite" "$suite-backports"; do
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $archive $part main"
done > "$folder/apt/sources.list"
cat > "$APT_CONFIG" <<CONF
Dir::Etc::sourcelist "$folder/apt/sources.list";
Dir::Etc::sourceparts "$folder/apt/empty";
Dir::Etc::preferencesparts "$folder/apt/empty";
Dir::State "$folder/apt/state";
Dir::State::status "$folder/apt/status";
Dir::Cache "$folder/apt/cache";
APT::Architecture "amd64";
APT::Architectures "amd64";
APT::Install-Recommends "false";
APT::Sandbox::User "";
Acquire::Languages "none";
CONF

apt-get -q update
unpack() {
    mkdir -p "$2"
    for package in "$1"/*.deb; do
        dpkg-deb -x "$package" "$2"
    done
}

# QEMU runs on this machine, with its own C library: everything that it depends on comes along.
apt-get -q -y --download-only -t "$suite-backports" install qemu-system-x86 ipxe-qemu
unpack "$folder/apt/cache/archives" "$folder/qemu/root"

# Its own loader and libraries, its own firmware.
cat > "$folder/qemu-system-x86_64" <<'START'
#!/bin/sh
root=$(dirname "$(readlink -f "$0")")/qemu/root
libraries=$root/usr/lib/x86_64-linux-gnu
exec "$libraries/ld-linux-x86-64.so.2" --library-path "$libraries" "$root/usr/bin/qemu-system-x86_64" \
    -L "$root/usr/share/qemu" -L "$root/usr/share/seabios" "$@"
START
chmod +x "$folder/qemu-system-x86_64"

# The guest: no dependencies but the libraries that ethtool is linked with.
mkdir -p "$folder/guest/packages"
kernel=$(apt-cache depends --no-recommends --no-suggests "linux-image-amd64/$suite" | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)$/\1/p' | head -n 1)
(cd "$folder/guest/packages" && apt-get -q download "$kernel" busybox-static/"$suite" ethtool/"$suite" libmnl0/"$suite" libc6/"$suite")
unpack "$folder/guest/packages" "$folder/guest/root"
python3 "$here/vmlinux.py" "$folder"/guest/root/boot/vmlinuz-* "$folder/guest/vmlinux"
touch "$folder/complete"
