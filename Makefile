# SPDX-License-Identifier: MIT
#
# make          build/bounce.elf, build/bounce.iso, symbols, listing
# make run      build, boot, do the main job        FILE= ARGS= MACHINE= FIRMWARE= MEM= CPU= QEMU_ARGS=
# make test     host unit tests, then everything in QEMU   SEED= STEPS= PYTEST_ARGS=
# make debug    QEMU (by PVH) stopped at the first 64-bit instruction, gdb attached   FILE= ARGS= MEM=
# make bench    what calls cost, in instructions    NAMES=<name>[,<name>...]
# make bench-linux   the same of Debian's kernel, for make bench to compare
# make check    what needs no QEMU: format, layers, static analysis
# make count    lines against the budget
#
# CC=clang builds with clang and lld; CROSS=x86_64-linux-gnu- names another gcc.
# O=dir builds elsewhere; V=1 shows the commands; WERROR=1 is for CI.

O     ?= build
CROSS ?=

# A compiler given on the command line or in the environment is taken; make's own default, cc, is not.
ifeq ($(origin CC),default)
  ifeq ($(CROSS),)
    CC := $(if $(filter x86_64,$(shell uname -m)),gcc,$(if $(shell command -v x86_64-linux-gnu-gcc),x86_64-linux-gnu-gcc,clang))
  else
    CC := $(CROSS)gcc
  endif
endif

ifneq ($(findstring clang,$(notdir $(CC))),)
  # For this target clang knows some of the flags below only to ignore them, and would say so.
  TARGET  := --target=x86_64-unknown-none-elf -Wno-unused-command-line-argument
  LD      := $(or $(shell command -v ld.lld),$(shell command -v ld.lld-14))
  NM      := nm
  # Another machine's objdump reads no x86.
  OBJDUMP := $(if $(filter x86_64,$(shell uname -m)),objdump,llvm-objdump)
else
  PREFIX  := $(patsubst %gcc,%,$(notdir $(CC)))
  LD      := $(PREFIX)ld
  NM      := $(PREFIX)nm
  OBJDUMP := $(PREFIX)objdump
endif

# Say what is made; V=1 says how.
Q   := $(if $(V),,@)
say = $(if $(V)$(findstring s,$(firstword -$(MAKEFLAGS))),,@echo '  $(1)  $@')

PYTHON  ?= /usr/bin/python3
HOST_CC ?= gcc
JOBS    := $(shell nproc 2>/dev/null || echo 2)

# --- the kernel -------------------------------------------------------------------------------

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef \
        -Wpointer-arith -Wwrite-strings -Wno-unused-parameter $(if $(WERROR),-Werror)

# Everything that a distribution's compiler may switch on by itself is said, one way or the other.
OPTIMIZE := -O2
CFLAGS = -std=gnu17 $(OPTIMIZE) -g $(WARN) -I. -MMD -MP -DPORT_INLINE=\"kernel/port_inline.h\" \
          -ffreestanding -fno-builtin-printf -fno-common -fno-strict-aliasing -fwrapv \
          -fno-pie -fno-pic -fno-plt -mcmodel=kernel -mno-red-zone -march=x86-64 -mtune=generic \
          -mgeneral-regs-only -fno-omit-frame-pointer -fno-optimize-sibling-calls \
          -fno-stack-protector -fcf-protection=none -fno-stack-clash-protection \
          -U_FORTIFY_SOURCE -fno-asynchronous-unwind-tables -fno-unwind-tables \
          -ffunction-sections -fdata-sections
ASFLAGS := -g -I. -MMD -MP -D__ASSEMBLER__ -fno-pie -fcf-protection=none
LDFLAGS := -nostdlib -static -no-pie --gc-sections -z max-page-size=0x1000 -z noexecstack \
           --build-id=none --orphan-handling=$(if $(WERROR),error,warn)

SRC := $(sort $(foreach d,boot kernel kernel/jobs mm dma drivers tests tests/unit tests/kernel tests/bench,$(wildcard $(d)/*.c $(d)/*.S)))
OBJ := $(patsubst %,$(O)/%.o,$(SRC))

# Tests are linked in, and the whole image stays below 1 MiB: they are for size, all else for speed.
# gcc has -Oz since 12.
FOR_SIZE := $(if $(shell $(CC) -Oz -x c -c /dev/null -o /dev/null 2>&1),-Os,-Oz)
$(O)/tests/%.o: OPTIMIZE = $(FOR_SIZE)
$(O)/tests/bench/%.o: OPTIMIZE = -O2
$(O)/tests/bench/bed.c.o: OPTIMIZE = $(FOR_SIZE)

.PHONY: all clean run test debug bench bench-linux check count FORCE
.PHONY: packages-run packages-debug packages-test packages-bench packages-check
.DELETE_ON_ERROR:
.SECONDARY:

all: $(O)/bounce.elf $(O)/bounce.iso $(O)/bounce.sym $(O)/bounce.lst compile_commands.json

# What things depend on that is in no file: the flags they were made with, the list of what is linked.
stamp = @mkdir -p $(@D); echo '$(1)' | cmp -s - $@ || echo '$(1)' > $@

$(O)/flags: FORCE
	$(call stamp,$(CC) $(TARGET) $(CFLAGS) $(ASFLAGS) $(LD) $(LDFLAGS))

$(O)/objects: FORCE
	$(call stamp,$(OBJ))

$(O)/host/flags: FORCE
	$(call stamp,$(HOST_CC) $(HOST_CFLAGS) $(HOST_OBJ))

# A line of compile_commands.json beside each object; quotes are escaped for JSON, too.
fragment = @printf '{"directory":"%s","file":"%s","command":"%s"}\n' '$(CURDIR)' '$<' \
	'$(subst \",\\\",$(CC) $(TARGET) $(1) -c $< -o $@)' > $@.json

$(O)/%.c.o: %.c $(O)/flags
	@mkdir -p $(@D)
	$(call say,CC  )
	$(Q)$(CC) $(TARGET) $(CFLAGS) -c $< -o $@
	$(call fragment,$(CFLAGS))

$(O)/%.S.o: %.S $(O)/flags
	@mkdir -p $(@D)
	$(call say,AS  )
	$(Q)$(CC) $(TARGET) $(ASFLAGS) -c $< -o $@

compile_commands.json: $(OBJ) $(O)/objects
	@cat $(patsubst %,%.json,$(filter %.c.o,$(OBJ))) | sed '1s/^/[\n/;$$!s/$$/,/;$$s/$$/\n]/' > $@

# Linked twice: the backtrace's symbol table comes last in the image, and is made of the first link.
$(O)/first.elf: $(OBJ) $(O)/objects linker.ld
	$(call say,LD  )
	$(Q)$(LD) $(LDFLAGS) -T linker.ld -o $@ $(OBJ)

$(O)/symbols.S: $(O)/first.elf tools/symbols.py
	$(Q)$(NM) -n $< | $(PYTHON) tools/symbols.py > $@

$(O)/symbols.o: $(O)/symbols.S $(O)/flags
	$(Q)$(CC) $(TARGET) $(ASFLAGS) -c $< -o $@

$(O)/bounce.elf: $(OBJ) $(O)/symbols.o linker.ld
	$(call say,LD  )
	$(Q)$(LD) $(LDFLAGS) -T linker.ld -o $@ $(OBJ) $(O)/symbols.o

$(O)/bounce.sym: $(O)/bounce.elf
	$(Q)$(NM) -n $< > $@

$(O)/bounce.lst: $(O)/bounce.elf
	$(Q)$(OBJDUMP) -d -S $< > $@

$(O)/bounce.iso: $(O)/bounce.elf tools/iso.sh
	$(call say,ISO )
	$(Q)sh tools/iso.sh $@ $<

# --- running ----------------------------------------------------------------------------------

packages-run packages-debug packages-test packages-bench packages-check: packages-%:
	@FIRMWARE='$(FIRMWARE)' sh tools/packages.sh $*

# qemu -kernel wants no image, so FIRMWARE=pvh works where there is no GRUB.
run: packages-run
	@$(MAKE) --no-print-directory -j$(JOBS) $(if $(filter pvh,$(FIRMWARE)),$(O)/bounce.elf,all)
	@$(PYTHON) tools/run.py $(if $(FILE),--file='$(FILE)') $(if $(ARGS),--args='$(ARGS)') \
		$(if $(MACHINE),--machine='$(MACHINE)') $(if $(FIRMWARE),--firmware='$(FIRMWARE)') \
		$(if $(MEM),--memory='$(MEM)') $(if $(CPU),--cpu='$(CPU)') \
		$(if $(QEMU_ARGS),--qemu-args='$(QEMU_ARGS)') --build $(O)

debug: packages-debug
	@$(MAKE) --no-print-directory -j$(JOBS) $(O)/bounce.elf
	@$(PYTHON) tools/debug.py --build $(O) $(if $(ARGS),--args='$(ARGS)') \
		$(if $(FILE),--file='$(FILE)') $(if $(MEM),--memory='$(MEM)')

test: packages-test
	@$(MAKE) --no-print-directory -j$(JOBS) all host-test
	@$(PYTHON) -m pytest tests/qemu --build $(O) $(if $(SEED),--seed $(SEED)) $(PYTEST_ARGS)

# By PVH, with the compiler that was chosen: the README's figures are gcc's.
bench: packages-bench
	@$(MAKE) --no-print-directory -j$(JOBS) $(O)/bounce.elf
	@$(PYTHON) tools/bench.py --build $(O) $(if $(NAMES),--names='$(NAMES)')

bench-linux:
	@if sh tools/packages.sh bench-linux; then $(PYTHON) tools/bench.py --linux --build $(O); \
	else echo 'bench-linux: skipped: what it needs is not here, and was not installed'; fi

# --- host unit tests --------------------------------------------------------------------------

# The same sources and cases as in the kernel, under the sanitizers.
HOST_CFLAGS := -std=gnu17 -O1 -g $(WARN) -I. -MMD -MP -fno-omit-frame-pointer -fwrapv \
               -fsanitize=address,undefined -fno-sanitize-recover=all
HOST_SRC := $(sort $(wildcard mm/*.c dma/*.c tests/*.c tests/unit/*.c tests/host/*.c) \
                   boot/acpi.c boot/multiboot2.c boot/pvh.c drivers/lsi_script.c drivers/nvme_parse.c drivers/nvme_ring.c drivers/scsi.c \
                   kernel/cmdline.c kernel/format.c kernel/line.c kernel/jobs/report.c kernel/jobs/sha256.c)
HOST_OBJ := $(patsubst %,$(O)/host/%.o,$(HOST_SRC))

.PHONY: host-test
host-test: $(O)/host/unit
	@$< $(if $(SEED),seed=$(SEED)) $(if $(STEPS),steps=$(STEPS))

$(O)/host/unit: $(HOST_OBJ) $(O)/host/flags
	$(call say,LD  )
	$(Q)$(HOST_CC) $(HOST_CFLAGS) -o $@ $(HOST_OBJ)

$(O)/host/%.c.o: %.c $(O)/host/flags
	@mkdir -p $(@D)
	$(call say,CC  )
	$(Q)$(HOST_CC) $(HOST_CFLAGS) -c $< -o $@

# --- keeping the house ------------------------------------------------------------------------

check: packages-check
	@sh tools/check.sh $(O)

count:
	@$(PYTHON) tools/count.py

clean:
	rm -rf $(O) compile_commands.json

-include $(OBJ:.o=.d) $(HOST_OBJ:.o=.d)
