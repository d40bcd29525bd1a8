/* SPDX-License-Identifier: MIT */
/*
 * Memory at boot: in which order physical memory gets its owners.
 *
 *	firmware's map -> image, boot information, modules reserved
 *	               -> page tables
 *	               -> modules moved to the top (a loader puts them where the pool wants to be)
 *	               -> swiotlb, as low above the image as it can lie
 *	               -> all the rest to the page allocator
 *
 * Boot CPU, interrupts off, once.
 */
#include "kernel/machine.h"

#include "boot/fw_cfg.h"
#include "kernel/cmdline.h"
#include "kernel/exit.h"
#include "kernel/log.h"
#include "kernel/mmu.h"
#include "kernel/string.h"

extern char __image_start[], __image_end[];

#define POOL_ALIGN   KIB(64)
#define NORMAL_LEAST KIB(128) /* without so much above 16 MiB not even the devices are found */

static __attribute__((noreturn)) void give_up(const char *what)
{
	log_error("memory: %s", what);
	machine_exit(EXIT_FAIL);
}

static void read_map(struct machine *m)
{
	const struct boot_info *boot = &m->boot;
	uint64_t limit = mmu_phys_limit();

	if (boot->reserved_above < limit)
		limit = boot->reserved_above;
	memmap_init(&m->memmap, limit);
	for (size_t i = 0; i < boot->range_count; i++)
		memmap_add(&m->memmap, boot->range[i].base, boot->range[i].length,
			   boot->range[i].usable);
	if (memmap_seal(&m->memmap)) {
		log_error("memory: the firmware's map of %zu ranges names no usable memory",
			  boot->range_count);
		give_up("nothing can run here; give the machine memory (24 MiB at least)");
	}
	if (m->memmap.dropped)
		log_warning("memory: %u ranges of the firmware's map were dropped",
			    m->memmap.dropped);
}

static void reserve_loaded(struct machine *m)
{
	m->image.start = virt_to_phys(__image_start).value;
	m->image.end = virt_to_phys(__image_end).value;
	if (!memmap_is_ram(&m->memmap, m->image.start, m->image.end))
		give_up("the kernel does not lie in RAM alone; give the machine more memory");
	memmap_reserve(&m->memmap, m->image.start, m->image.end);
	memmap_reserve(&m->memmap, m->boot.info_start, m->boot.info_end);
	for (size_t i = 0; i < m->boot.module_count; i++)
		memmap_reserve(&m->memmap, m->boot.module[i].start, m->boot.module[i].end);
}

/*
 * A place at the top for a module; it says so where that isn't above 4 GiB though such memory is.
 * An empty one needs none.
 */
static phys_addr_t carve_for_module(struct machine *m, uint64_t size, const char *name)
{
	uint64_t above = memmap_bytes(&m->memmap, GIB(4));
	phys_addr_t to;

	if (!size)
		return phys(0);
	to = memmap_carve(&m->memmap, size, PAGE_SIZE, 0, UINT64_MAX, MEMMAP_HIGHEST);
	if (!phys_is_none(to) && to.value < GIB(4) && above)
		log_warning("module %s: %lu KiB find no room in the %lu KiB above 4 GiB, "
			    "it lies at %#lx",
			    name, size >> 10, above >> 10, to.value);
	return to;
}

static void keep_module(struct machine *m, phys_addr_t addr, uint64_t size, const char *name)
{
	struct module *module = &m->module[m->module_count++];

	*module = (struct module){.addr = addr, .size = size};
	string_copy(module->name, sizeof(module->name), name);
	log_info("module %s: %lu bytes at %#lx", name, size, addr.value);
}

/* Page 0 isn't mapped, so what begins there can't be read. */
static void move_module(struct machine *m, const struct boot_module *from)
{
	const char *name = *from->name ? from->name : "(unnamed)";
	uint64_t size = from->end - from->start;
	phys_addr_t to;

	if (size &&
	    (from->start < PAGE_SIZE || !memmap_is_ram(&m->memmap, from->start, from->end))) {
		log_warning("module %s: [%#lx, %#lx) is not all RAM above page 0, it is left out",
			    name, from->start, from->end);
		return;
	}
	to = carve_for_module(m, size, name);
	if (phys_is_none(to)) {
		log_warning("module %s: %lu KiB find no second place, it stays at %#lx", name,
			    size >> 10, from->start);
		to = phys(from->start);
	} else {
		memcpy(phys_to_virt(to), phys_to_virt(phys(from->start)), size);
	}
	keep_module(m, to, size, name);
}

/* What the loader's places held is dead now, but for a module that found no other. */
static void release_loaded(struct machine *m)
{
	memmap_release(&m->memmap, m->boot.info_start, m->boot.info_end);
	for (size_t i = 0; i < m->boot.module_count; i++)
		memmap_release(&m->memmap, m->boot.module[i].start, m->boot.module[i].end);
	memmap_reserve(&m->memmap, m->image.start, m->image.end);
	for (size_t i = 0; i < m->module_count; i++)
		memmap_reserve(&m->memmap, m->module[i].addr.value,
			       m->module[i].addr.value + m->module[i].size);
}

static void fetch_host_module(struct machine *m)
{
	uint16_t key;
	uint32_t size;
	phys_addr_t to;

	if (m->module_count || !fw_cfg_find("opt/bounce/module", &key, &size))
		return;
	to = carve_for_module(m, size, "opt/bounce/module");
	if (phys_is_none(to)) {
		log_warning("module opt/bounce/module: no room for its %u KiB, it is left out",
			    size >> 10);
		return;
	}
	if (fw_cfg_read(key, phys_to_virt(to), size)) { /* late, it may yet write: never freed */
		log_warning("module opt/bounce/module: the host's fw_cfg failed, it is left out");
		return;
	}
	keep_module(m, to, size, "opt/bounce/module");
}

/* `[<bytes>[K|M|G]][,force|,off]`, of which one is there at least; false: it is nothing such. */
static bool parse_pool(const char *text, uint64_t *bytes, bool *force)
{
	bool sized = *text >= '0' && *text <= '9';
	uint64_t asked = *bytes;

	if (sized && (parse_size(text, &text, &asked) || !asked || (*text && *text != ',')))
		return false;
	text += *text == ',';
	*force = !strcmp(text, "force");
	if (!strcmp(text, "off"))
		asked = 0;
	else if (!*force && (*text || !sized))
		return false;
	*bytes = asked;
	return true;
}

/* How many bytes the pool is to have, before it is known whether there is room. */
static uint64_t pool_size_wanted(const struct machine *m, bool *force)
{
	const char *text = cmdline_get("swiotlb");
	uint64_t bytes =
		memmap_top(&m->memmap) > GIB(4) ? MIB(128) : memmap_bytes(&m->memmap, 0) / 16;

	if (bytes < MIB(1))
		bytes = MIB(1);
	if (text && !parse_pool(text, &bytes, force))
		log_warning("swiotlb=%s is not [<bytes>[K|M|G]][,force|,off]: %lu KiB are taken",
			    text, bytes >> 10);
	return bytes && bytes < PAGE_SIZE ? PAGE_SIZE : ALIGN_DOWN(bytes, PAGE_SIZE);
}

/* The pool and its bookkeeping, both or neither; the pool as low as it can lie, below 4 GiB. */
static bool carve_pool(struct machine *m, uint64_t bytes)
{
	size_t slots = bytes >> SWIOTLB_SHIFT;
	phys_addr_t base =
		memmap_carve(&m->memmap, bytes, POOL_ALIGN, m->image.end, GIB(4), MEMMAP_LOWEST);
	phys_addr_t meta;

	if (phys_is_none(base))
		return false;
	meta = memmap_carve(&m->memmap, swiotlb_metadata_size(slots), PAGE_SIZE, 0, UINT64_MAX,
			    MEMMAP_HIGHEST);
	if (phys_is_none(meta)) {
		memmap_release(&m->memmap, base.value, base.value + bytes);
		return false;
	}
	swiotlb_init(&m->pool, base, slots, phys_to_virt(meta));
	return true;
}

static void make_pool(struct machine *m)
{
	bool force = false;
	uint64_t wanted = pool_size_wanted(m, &force), bytes = wanted;

	while (bytes >= PAGE_SIZE && !carve_pool(m, bytes))
		bytes = ALIGN_DOWN(bytes / 2, PAGE_SIZE);
	if (wanted && bytes < PAGE_SIZE)
		give_up("no room for a swiotlb; give the machine more memory");
	if (bytes != wanted)
		log_warning("swiotlb: no room for %lu KiB, halved to %lu KiB", wanted >> 10,
			    bytes >> 10);
	m->pool.force = force;
}

void memory_map(struct machine *m)
{
	read_map(m);
	reserve_loaded(m);
	if (mmu_init(&m->memmap))
		give_up("no room for page tables; give the machine more memory");
}

void memory_share_out(struct machine *m)
{
	for (size_t i = 0; i < m->boot.module_count; i++)
		move_module(m, &m->boot.module[i]);
	release_loaded(m);
	fetch_host_module(m);
	make_pool(m);
	if (pages_init(&m->zones, &m->memmap, m->seed) ||
	    pages_free_bytes(&m->zones, ZONE_NORMAL) < NORMAL_LEAST)
		give_up("too little is left for pages; give the machine more memory");
	mmu_use_pages(&m->zones);
	kmem_init(&m->kmem, &m->zones);
	dma_system_init(&m->dma, &m->zones, &m->kmem, &m->pool);
}
