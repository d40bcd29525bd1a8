#!/bin/sh
# SPDX-License-Identifier: MIT
#
# One ISO that boots on BIOS and on UEFI, by GRUB.
#
#	tools/iso.sh OUT.iso bounce.elf [command line [module file]]
#
# The command line is a text for GRUB's own parser: it takes quotes off, and
# puts double ones around a word with blanks. STRIP names another strip.

set -eu

die() {
	echo "iso.sh: $*" >&2
	exit 1
}

[ $# -ge 2 ] && [ $# -le 4 ] || die "usage: iso.sh OUT.iso bounce.elf [command line [module file]]"
out=$1 kernel=$2 cmdline=${3-} module=${4-}

# What each thing is for, and the Debian package it is in.
command -v grub-mkrescue >/dev/null || die "grub-mkrescue is missing (package grub-common)"
command -v xorriso >/dev/null || die "xorriso is missing (package xorriso)"
command -v mformat >/dev/null || die "mformat is missing (package mtools)"
[ -d /usr/lib/grub/i386-pc ] || die "GRUB for BIOS is missing (package grub-pc-bin)"
[ -d /usr/lib/grub/x86_64-efi ] || die "GRUB for UEFI is missing (package grub-efi-amd64-bin)"
[ -r "$kernel" ] || die "can't read $kernel"
[ -z "$module" ] || [ -r "$module" ] || die "can't read $module"
case $cmdline in
*'
'*) die "the command line has more than one line" ;;
esac

tmp=$(mktemp -d "$out.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
mkdir -p "$tmp/root/boot/grub"

# GRUB would load the debug information too. A strip for another machine may refuse: then whole.
"${STRIP:-strip}" --strip-debug -o "$tmp/root/boot/bounce.elf" "$kernel" 2>/dev/null ||
	llvm-strip --strip-debug -o "$tmp/root/boot/bounce.elf" "$kernel" 2>/dev/null ||
	cp "$kernel" "$tmp/root/boot/bounce.elf"

# Words of GRUB's script language are plain text here.
cmdline=$(printf '%s' "$cmdline" | sed 's/[$;{}|&<>#]/\\&/g')
{
	echo 'serial --unit=0 --speed=115200'
	echo 'terminal_input serial'
	echo 'terminal_output serial'
	echo 'set timeout=0'
	echo 'menuentry "Bounce" {'
	echo "	multiboot2 /boot/bounce.elf $cmdline"
	[ -z "$module" ] || echo "	module2 /boot/module module"
	echo '}'
} >"$tmp/root/boot/grub/grub.cfg"
[ -z "$module" ] || cp "$module" "$tmp/root/boot/module"

# Only what this configuration needs: less to copy, and to read. GRUB's own start on UEFI asks for
# the partition maps, and complains on the serial line where they are not there.
modules='normal multiboot2 serial terminal'
for map in acorn amiga bsd dfly dvh plan sun sunpc; do
	modules="$modules part_$map"
done
grub-mkrescue --install-modules="$modules" --fonts= --locales= --themes= \
	-o "$tmp/iso" "$tmp/root" >"$tmp/log" 2>&1 || {
	cat "$tmp/log" >&2
	die "grub-mkrescue failed"
}
mv "$tmp/iso" "$out"
