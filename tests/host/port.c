/* SPDX-License-Identifier: MIT */
/*
 * mm/port.h and dma/port.h for a POSIX process, and the arenas: physical
 * addresses of the test's choice, each stretch an mmap() of its own with a page
 * on either side that can't be touched.
 *
 * It is stricter than a kernel: an address that is in no arena, a range that
 * leaves one, and a lock taken twice end the run at once.
 */
#define _GNU_SOURCE /* mremap() */
#include "dma/port.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "kernel/log.h"
#include "tests/arena.h"
#include "tests/host/host.h"
#include "tests/ktest.h"

#define ARENAS 64

struct stretch {
	uint64_t base;
	size_t size; /* 0: unused */
	char *memory;
};

static struct stretch stretches[ARENAS];
static uint64_t page_misuse[PAGE_MISUSE_KINDS];
static unsigned long irqs_off;

bool host_log;
unsigned host_cpu;

void port_panic(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fflush(stdout);
	fputs("panic: ", stderr);
	vfprintf(stderr, fmt, args);
	fputs("\n", stderr);
	va_end(args);
	abort();
}

/* The stretch that holds all of [addr, addr + size); NULL. */
static const struct stretch *find_stretch(uint64_t addr, size_t size)
{
	for (const struct stretch *s = stretches; s < stretches + ARENAS; s++)
		if (addr - s->base < s->size && size <= s->size - (addr - s->base))
			return s;
	return NULL;
}

static char *range_to_virt(phys_addr_t addr, size_t size)
{
	const struct stretch *s = find_stretch(addr.value, size);

	if (s)
		return s->memory + (addr.value - s->base);
	port_panic("physical memory %#llx, %zu bytes: in no arena", (unsigned long long)addr.value,
		   size);
}

bool arena_get(struct arena *arena, uint64_t wish, size_t size, size_t align)
{
	struct stretch *s = stretches;
	char *memory;

	size = ALIGN_UP(size, PAGE_SIZE);
	if (size == 0 || size > ARENA_MAX || align > ARENA_MAX || wish % align || wish % PAGE_SIZE)
		port_panic("arena of %zu bytes at %#llx: not for this", size,
			   (unsigned long long)wish);
	for (struct stretch *other = stretches; other < stretches + ARENAS; other++)
		if (other->size && wish < other->base + other->size && other->base < wish + size)
			port_panic("arena at %#llx is over another", (unsigned long long)wish);
	while (s < stretches + ARENAS && s->size)
		s++;
	memory = mmap(NULL, size + 2 * PAGE_SIZE, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s == stretches + ARENAS || memory == MAP_FAILED ||
	    mprotect(memory + PAGE_SIZE, size, PROT_READ | PROT_WRITE) != 0)
		port_panic("arena of %zu bytes: none left", size);
	*s = (struct stretch){wish, size, memory + PAGE_SIZE};
	*arena = (struct arena){phys(wish), size};
	return true;
}

void arena_put(struct arena *arena)
{
	struct stretch *s = stretches;

	while (s->base != arena->base.value || !s->size)
		s++;
	munmap(s->memory - PAGE_SIZE, s->size + 2 * PAGE_SIZE);
	*s = (struct stretch){0};
}

static unsigned long irq_save(void)
{
	unsigned long flags = irqs_off;

	irqs_off = 1;
	return flags;
}

static void irq_restore(unsigned long flags)
{
	if (!irqs_off)
		port_panic("interrupts restored that were not off");
	irqs_off = flags;
}

static void (*interrupt)(void);

void test_interrupts(void (*handler)(void))
{
	interrupt = handler;
}

/* With interrupts on, one comes. */
static void let_interrupt(void)
{
	if (!interrupt || irqs_off)
		return;
	irqs_off = 1;
	interrupt();
	irqs_off = 0;
}

unsigned long port_lock(struct port_lock *lock)
{
	unsigned long flags;

	let_interrupt();
	flags = irq_save();
	if (lock->word)
		port_panic("lock %p taken twice", (void *)lock);
	lock->word = 1;
	return flags;
}

void port_unlock(struct port_lock *lock, unsigned long flags)
{
	if (!lock->word)
		port_panic("lock %p was not taken", (void *)lock);
	lock->word = 0;
	irq_restore(flags);
	let_interrupt();
}

unsigned port_cpu(void)
{
	return host_cpu;
}

void *port_phys_to_virt(phys_addr_t addr)
{
	return range_to_virt(addr, 1);
}

phys_addr_t port_virt_to_phys(const void *ptr)
{
	for (const struct stretch *s = stretches; s < stretches + ARENAS; s++)
		if ((uintptr_t)ptr - (uintptr_t)s->memory < s->size)
			return phys(s->base + ((uintptr_t)ptr - (uintptr_t)s->memory));
	port_panic("pointer %p is in no arena", ptr);
}

void port_copy(phys_addr_t dst, phys_addr_t src, size_t n)
{
	memcpy(range_to_virt(dst, n), range_to_virt(src, n), n);
}

void port_zero(phys_addr_t dst, size_t n)
{
	memset(range_to_virt(dst, n), 0, n);
}

/* --- device memory: a stretch mapped once more, or an address with nothing behind it --- */

static struct device_map {
	char *at; /* NULL: unused */
	size_t size;
	uint64_t first; /* physical */
	bool io;
} device_maps[ARENAS];

#define IO_BASE 0x1000000000000000 /* no pointer has it */

/* The second mapping of a shared one. */
static char *map_again(phys_addr_t addr, size_t size)
{
	size_t offset = addr.value % PAGE_SIZE;
	char *at = mremap(range_to_virt(phys(addr.value - offset), offset + size), 0,
			  ALIGN_UP(offset + size, PAGE_SIZE), MREMAP_MAYMOVE);

	if (at == MAP_FAILED)
		port_panic("mremap failed");
	return at + offset;
}

void *port_map_device(phys_addr_t addr, size_t size, enum port_mapping how)
{
	struct device_map *map = device_maps;

	if (!find_stretch(addr.value, size))
		return NULL;
	while (map < device_maps + ARENAS && map->at)
		map++;
	if (map == device_maps + ARENAS)
		port_panic("too much device memory is mapped");
	*map = (struct device_map){(char *)IO_BASE + addr.value, size, addr.value,
				   how == PORT_MAP_IO};
	if (!map->io)
		map->at = map_again(addr, size);
	return map->at;
}

void port_unmap_device(void *mapped, size_t size)
{
	struct device_map *map = device_maps;
	size_t offset = (uintptr_t)mapped % PAGE_SIZE;

	while (map < device_maps + ARENAS && (map->at != mapped || map->size != size))
		map++;
	if (map == device_maps + ARENAS)
		port_panic("%p, %zu bytes: no device memory is so mapped", mapped, size);
	if (!map->io)
		munmap(map->at - offset, ALIGN_UP(offset + size, PAGE_SIZE));
	map->at = NULL;
}

static uint32_t *io_word(const void *at)
{
	for (const struct device_map *map = device_maps; map < device_maps + ARENAS; map++)
		if (map->at && map->io && (uintptr_t)at % 4 == 0 &&
		    (uintptr_t)at - (uintptr_t)map->at < map->size)
			return (uint32_t *)range_to_virt(
				phys(map->first + ((uintptr_t)at - (uintptr_t)map->at)), 4);
	port_panic("%p: no word of IO memory", at);
}

uint32_t port_io_read32(const void *at)
{
	return *io_word(at);
}

void port_io_write32(void *at, uint32_t value)
{
	*io_word(at) = value;
}

bool test_is_mapped(const void *at)
{
	for (const struct device_map *map = device_maps; map < device_maps + ARENAS; map++)
		if (map->at && (uintptr_t)at - (uintptr_t)map->at < map->size)
			return true;
	return false;
}

const char *port_symbol(const void *addr, size_t *offset)
{
	(void)addr;
	(void)offset;
	return NULL;
}

void port_log(enum port_log_level level, const char *fmt, ...)
{
	char line[256];
	va_list args;

	(void)level;
	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	if (host_log)
		ktest_say("%s", line);
}

/* There is no console to keep lines off: `log` shows all of them, or nobody sees one. */
void log_hold(void)
{
}

void log_release(bool show)
{
	(void)show;
}

void port_page_misuse(enum page_misuse kind, phys_addr_t addr, unsigned order, const void *caller)
{
	(void)caller;
	page_misuse[kind]++;
	port_log(PORT_LOG_WARNING, "page misuse %d: %#llx, order %u", kind,
		 (unsigned long long)addr.value, order);
}

void *test_alloc(size_t size)
{
	return calloc(1, size);
}

void test_free(void *at, size_t size)
{
	free(at);
}

void test_cpu(unsigned cpu)
{
	host_cpu = cpu;
}

uint64_t test_page_misuse(enum page_misuse kind)
{
	return page_misuse[kind];
}
