#!/bin/sh
# SPDX-License-Identifier: MIT
#
# packages.sh run|debug|test|bench|bench-linux|check: is all there that the target needs?
#
# What counts is whether a command or file is there, not what a package
# database says, so that a machine without apt passes if it has the tools.
# What is missing is listed with the Debian package that brings it; at a
# terminal apt is asked for it after one question, elsewhere (CI) at once.
set -u

target=${1:-}
missing=
packages=

# lack <what> <package>: note that it isn't there.
lack() {
	case $missing in *"  $1 (package"*) return ;; esac
	missing="$missing  $1 (package $2)
"
	case " $packages " in *" $2 "*) ;; *) packages="${packages:+$packages }$2" ;; esac
}

# command_in <command> <package>
command_in() {
	command -v "$1" >/dev/null 2>&1 || lack "$1" "$2"
}

# any_of <package> <path>...: one of the paths is enough.
any_of() {
	package=$1 first=$2
	shift
	for path; do
		[ -e "$path" ] && return
	done
	lack "$first" "$package"
}

# The compiler that the Makefile will take.
compiler() {
	cc=${CC:-${CROSS:-}gcc}
	if [ -z "${CC:-}${CROSS:-}" ] && [ "$(uname -m)" != x86_64 ]; then
		cc=clang
		command -v x86_64-linux-gnu-gcc >/dev/null 2>&1 && cc=x86_64-linux-gnu-gcc
	fi
	case $cc in
	*clang*)
		command_in "$cc" clang
		command -v ld.lld-14 >/dev/null 2>&1 || command_in ld.lld lld
		[ "$(uname -m)" = x86_64 ] || command_in llvm-objdump llvm
		;;
	x86_64-linux-gnu-gcc) command_in "$cc" gcc-x86-64-linux-gnu ;;
	*) command_in "$cc" gcc; command_in ld binutils ;;
	esac
}

for_run() {
	compiler
	command_in objdump binutils
	command_in python3 python3
	command_in qemu-system-x86_64 qemu-system-x86
	[ "${FIRMWARE:-}" = pvh ] || for_iso
}

# GRUB's image, and the firmware that can boot it.
for_iso() {
	any_of ovmf /usr/share/OVMF/OVMF_CODE_4M.fd /usr/share/OVMF/OVMF_CODE.fd \
		/usr/share/ovmf/OVMF.fd /usr/share/edk2/ovmf/OVMF_CODE.fd \
		/usr/share/edk2/x64/OVMF_CODE.4m.fd /usr/share/edk2-ovmf/x64/OVMF_CODE.fd
	command_in grub-mkrescue grub-common
	any_of grub-pc-bin /usr/lib/grub/i386-pc /usr/share/grub/i386-pc
	any_of grub-efi-amd64-bin /usr/lib/grub/x86_64-efi /usr/share/grub/x86_64-efi
	command_in xorriso xorriso
	command_in mformat mtools
}

# find_spec: importing pytest itself would take longer than all the rest.
python_module() {
	"${PYTHON:-/usr/bin/python3}" -c \
		"import importlib.util as u, sys; sys.exit(not u.find_spec('$1'))" 2>/dev/null ||
		lack "Python module $1" "$2"
}

for_test() {
	for_run
	command_in gcc gcc # the host unit tests, and their sanitizers
	command_in clang clang
	command_in ld.lld lld
	command_in gdb gdb
	command_in prove perl
	command_in qemu-img qemu-utils
	command_in mcopy mtools
	any_of e2fsprogs /usr/sbin/e2fsck /sbin/e2fsck /usr/bin/e2fsck
	any_of dosfstools /usr/sbin/fsck.fat /sbin/fsck.fat /usr/bin/fsck.fat
	python_module pytest python3-pytest
	python_module xdist python3-pytest-xdist
}

for_debug() {
	FIRMWARE=pvh
	for_run
	command_in gdb gdb
}

for_bench() {
	FIRMWARE=pvh
	for_run
}

# A module for a Linux kernel whose image is had without being installed, and an initramfs.
for_bench_linux() {
	headers=linux-headers-amd64
	grep -q '^ID=ubuntu' /etc/os-release 2>/dev/null && headers=linux-headers-generic
	any_of $headers /lib/modules/*/build /usr/src/linux-headers-*-amd64 \
		/usr/src/linux-headers-*-generic
	command_in gcc gcc
	command_in make make
	command_in cpio cpio
	# One that needs no libraries.
	{ command -v busybox && ! ldd "$(command -v busybox)"; } >/dev/null 2>&1 ||
		lack 'busybox (static)' busybox-static
	command_in python3 python3
	command_in qemu-system-x86_64 qemu-system-x86
}

for_check() {
	command_in gcc gcc
	command_in ld binutils
	command_in clang clang
	command_in ld.lld lld
	command_in clang-format clang-format
	command_in cppcheck cppcheck
	command_in git git
	command_in python3 python3
}

confirm() {
	[ -t 0 ] && [ -t 2 ] || return 0
	printf 'Install with apt-get: %s? [Y/n] ' "$packages" >&2
	read -r answer || return 1
	case $answer in '' | [Yy]*) return 0 ;; *) return 1 ;; esac
}

as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		env DEBIAN_FRONTEND=noninteractive "$@"
	else
		sudo env DEBIAN_FRONTEND=noninteractive "$@"
	fi
}

# $packages is a list: it is meant to be split.
# shellcheck disable=SC2086
install() {
	apt-cache show $packages >/dev/null 2>&1 || as_root apt-get update
	as_root apt-get install -y --no-install-recommends $packages && return
	as_root apt-get update &&
		as_root apt-get install -y --no-install-recommends $packages
}

give_up() {
	echo "$1" >&2
	exit 1
}

case $target in
run) for_run ;;
debug) for_debug ;;
test) for_test ;;
bench) for_bench ;;
bench-linux) for_bench_linux ;;
check) for_check ;;
*) give_up 'usage: packages.sh run|debug|test|bench|bench-linux|check' ;;
esac
[ -n "$packages" ] || exit 0

printf 'Missing for "make %s":\n%s' "$target" "$missing" >&2
command -v apt-get >/dev/null 2>&1 ||
	give_up 'There is no apt-get here: please install these by your own means, and try again.'
[ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null 2>&1 ||
	give_up "Neither root nor sudo: please have these installed: $packages"
confirm || give_up "Not installed. By hand: apt-get install $packages"
install </dev/null || give_up "apt-get could not install: $packages"
