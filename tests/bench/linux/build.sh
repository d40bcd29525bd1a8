#!/bin/sh
# SPDX-License-Identifier: MIT
#
# build.sh <folder>: there, vmlinuz and initramfs.gz, of the newest Linux whose headers are
# installed, with the module that measures. The kernel's image is taken from where it is
# installed, or from its package, which is not installed.
# What can't be had is said in one line; then 3 is returned.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
cd "$1"

skip() {
	echo "$1" >&2
	exit 3
}

version=$(ls -d /lib/modules/*/build /usr/src/linux-headers-*-amd64 \
	/usr/src/linux-headers-*-generic 2>/dev/null |
	sed -n 's,^/lib/modules/\(.*\)/build$,\1,p; s,^/usr/src/linux-headers-,,p' | sort -V | tail -1)
[ -n "$version" ] || skip 'no headers of a Linux kernel here'
headers=/lib/modules/$version/build
[ -d "$headers" ] || headers=/usr/src/linux-headers-$version

if [ -r "/boot/vmlinuz-$version" ]; then
	cp "/boot/vmlinuz-$version" vmlinuz
elif [ ! -r "image/boot/vmlinuz-$version" ]; then
	apt-get download "linux-image-$version" >download.log 2>&1 ||
		skip "no image of Linux $version to be had (apt-get download linux-image-$version)"
	dpkg -x linux-image-"$version"_*.deb image
	rm -f linux-image-*.deb
fi
[ ! -r "image/boot/vmlinuz-$version" ] || cp "image/boot/vmlinuz-$version" vmlinuz

mkdir -p module root/bin root/proc
cp "$here/bench_linux.c" "$here/Makefile" module/
# Not with what our make was told: O= and CC= mean something there, too.
MAKEFLAGS= make -C "$headers" M="$PWD/module" modules >make.log 2>&1 || {
	tail -30 make.log >&2
	exit 1
}
cp "$(command -v busybox)" root/bin/busybox
cp "$here/init" root/init
chmod 755 root/init
strip -g -o root/bench_linux.ko module/bench_linux.ko
find root -exec touch -h -d @0 {} +
(cd root && find . | LC_ALL=C sort | cpio -o -H newc --quiet --reproducible) | gzip -n >initramfs.gz
