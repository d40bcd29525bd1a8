/* SPDX-License-Identifier: MIT */
/*
 * The kernel's page tables: four levels, one address space.
 *
 *	level 4: 512 GiB an entry -> 3: 1 GiB -> 2: 2 MiB -> 1: 4 KiB
 *
 * An entry of level 3 or 2 is a table or a large page. Mapping takes the
 * largest page that fits; changing a part of a large page splits it first.
 * Tables are reached through the direct map, are never given back, and come
 * from the memory map below 4 GiB (the boot tables map no more) until there is
 * an allocator.
 *
 * Invariant: every entry that points to a table allows everything; rights are
 * those of the last entry alone.
 *
 * Source: Intel SDM vol. 3A, "4-Level Paging" (entry formats), "Invalidation of
 * TLBs and Paging-Structure Caches", "Page Attribute Table (PAT)".
 */
#include "kernel/mmu.h"

#include "kernel/cpu.h"
#include "kernel/panic.h"
#include "kernel/trap.h"
#include "mm/errno.h"
#include "mm/memmap.h"
#include "mm/pages.h"
#include "mm/port.h"

enum { LEVEL_4KIB = 1, LEVEL_2MIB, LEVEL_1GIB, TOP_LEVEL, ENTRIES = 512 };

#define PTE_PRESENT	      (1ULL << 0)
#define PTE_FLAGS	      (MMU_WRITE | MMU_UNCACHED) /* R/W; PCD and PWT, an index into the PAT */
#define PTE_LARGE	      (1ULL << 7)		 /* levels 3 and 2 */
#define PTE_NX		      (1ULL << 63)
#define PTE_ADDR	      0x000ffffffffff000ULL
#define PTE_TABLE	      (PTE_PRESENT | MMU_WRITE)

#define MMIO_LARGE_BASE	      (MMIO_BASE + (1UL << 40))

#define PAT_ENTRY_1	      0x0000ff00UL
#define PAT_ENTRY_1_COMBINING 0x00000100UL

/* Sections of the image (linker.ld). */
extern const char __image_start[], __image_end[], __text_start[], __text_end[];
extern const char __rodata_start[], __rodata_end[];

static struct {
	phys_addr_t root;
	struct memmap *map;  /* where table pages are carved from, until there are ... */
	struct zones *zones; /* ... pages */
	bool has_nx, has_1gib, has_pat;
	uint64_t phys_end; /* of what the CPU can address and the direct map can hold */
} mmu;

static uint64_t page_size(unsigned level)
{
	return PAGE_SIZE << 9 * (level - 1);
}

static uint64_t *table_of(uint64_t entry)
{
	return phys_to_virt(phys(entry & PTE_ADDR));
}

static uint64_t *entry_in(uint64_t *table, uint64_t virt, unsigned level)
{
	return &table[virt / page_size(level) % ENTRIES];
}

static bool is_table(uint64_t entry, unsigned level)
{
	return level > LEVEL_4KIB && (entry & PTE_PRESENT) && !(entry & PTE_LARGE);
}

static void set_entry(uint64_t *entry, uint64_t value, uint64_t virt)
{
	bool was_present = *entry & PTE_PRESENT;

	*entry = value;
	if (was_present) /* what isn't present isn't cached either */
		__asm__ volatile("invlpg (%0)" : : "r"(virt) : "memory");
}

static phys_addr_t table_page(void)
{
	const struct page_request request = {.zone = ZONE_NORMAL, .limit = NO_LIMIT};
	phys_addr_t page;

	if (mmu.zones)
		page = pages_alloc(mmu.zones, &request);
	else
		page = memmap_carve(mmu.map, PAGE_SIZE, PAGE_SIZE, 0, GIB(4), MEMMAP_HIGHEST);
	if (!phys_is_none(page))
		memset(phys_to_virt(page), 0, PAGE_SIZE);
	return page;
}

/* Put a table where `entry` is empty or a large page, with the same meaning. */
static bool make_table(uint64_t *entry, unsigned level, uint64_t virt)
{
	phys_addr_t page = table_page();
	uint64_t old = *entry, step = page_size(level - 1);

	if (phys_is_none(page))
		return false;
	if (level - 1 == LEVEL_4KIB)
		old &= ~PTE_LARGE;
	for (size_t i = 0; (old & PTE_PRESENT) && i < ENTRIES; i++)
		table_of(page.value)[i] = old + i * step;
	set_entry(entry, page.value | PTE_TABLE, virt);
	return true;
}

/* The entry for `virt` of a level, with all tables above it; NULL: no memory. */
static uint64_t *entry_at(uint64_t virt, unsigned level)
{
	uint64_t *table = phys_to_virt(mmu.root);

	for (unsigned l = TOP_LEVEL; l > level; l--) {
		uint64_t *entry = entry_in(table, virt, l);

		if (!is_table(*entry, l) && !make_table(entry, l, virt))
			return NULL;
		table = table_of(*entry);
	}
	return entry_in(table, virt, level);
}

/* The last entry that the CPU would look at for `virt`, and its level. */
static uint64_t *last_entry(uint64_t virt, unsigned *level)
{
	uint64_t *table = phys_to_virt(mmu.root), *entry;

	for (*level = TOP_LEVEL;; --*level) {
		entry = entry_in(table, virt, *level);
		if (!is_table(*entry, *level))
			return entry;
		table = table_of(*entry);
	}
}

static uint64_t bits_of(unsigned flags)
{
	bool no_execute = mmu.has_nx && !(flags & MMU_EXEC);

	return PTE_PRESENT | (flags & PTE_FLAGS) | (no_execute ? PTE_NX : 0);
}

/* Whole pages within one half of the canonical addresses, not both writable and executable. */
static bool is_lawful(uint64_t virt, uint64_t size, unsigned flags)
{
	uint64_t last = virt + size - 1, top = virt >> 47;

	return size && last >= virt && (virt | size) % PAGE_SIZE == 0 && last >> 47 == top &&
	       (top == 0 || top == UINT64_MAX >> 47) &&
	       (flags & (MMU_WRITE | MMU_EXEC)) != (MMU_WRITE | MMU_EXEC);
}

static bool fits(uint64_t virt, uint64_t addr, uint64_t left, unsigned level)
{
	return (virt | addr) % page_size(level) == 0 && left >= page_size(level);
}

/* One page, the largest that fits and that doesn't replace a table. Its size; 0: no memory. */
static uint64_t map_one(uint64_t virt, uint64_t addr, uint64_t left, uint64_t bits)
{
	unsigned level = mmu.has_1gib ? LEVEL_1GIB : LEVEL_2MIB;

	for (;; level--) {
		uint64_t *entry;

		if (!fits(virt, addr, left, level))
			continue;
		entry = entry_at(virt, level);
		if (!entry)
			return 0;
		if (is_table(*entry, level))
			continue;
		set_entry(entry, addr | bits | (level > LEVEL_4KIB ? PTE_LARGE : 0), virt);
		return page_size(level);
	}
}

int mmu_map(uint64_t virt, phys_addr_t addr, uint64_t size, unsigned flags)
{
	uint64_t done, step;

	if (!is_lawful(virt, size, flags) || addr.value % PAGE_SIZE || addr.value >= mmu.phys_end ||
	    size > mmu.phys_end - addr.value)
		return -EINVAL;
	for (done = 0; done < size; done += step) {
		step = map_one(virt + done, addr.value + done, size - done, bits_of(flags));
		if (!step)
			return -ENOMEM;
	}
	return 0;
}

/*
 * The entry whose page begins at `virt` and is no longer than `left`: a larger
 * one is split. NULL: no memory.
 */
static uint64_t *exact_entry(uint64_t virt, uint64_t left, unsigned *level)
{
	uint64_t *entry = last_entry(virt, level);

	while (entry && (*entry & PTE_PRESENT) && !fits(virt, 0, left, *level))
		entry = entry_at(virt, --*level);
	return entry;
}

/* Keep so much of each entry, and add these bits; with none, it may be that nothing is mapped. */
static int change(uint64_t virt, uint64_t size, uint64_t kept, uint64_t bits)
{
	uint64_t left = size, step, *entry;
	unsigned level;

	for (; left; left -= step, virt += step) {
		entry = exact_entry(virt, left, &level);
		if (!entry)
			return -ENOMEM;
		if (bits && !(*entry & PTE_PRESENT))
			return -EINVAL;
		set_entry(entry, (*entry & kept) | bits, virt);
		/* An empty one may lie around virt. */
		step = page_size(level) - virt % page_size(level);
		if (step > left)
			step = left;
	}
	return 0;
}

int mmu_protect(uint64_t virt, uint64_t size, unsigned flags)
{
	if (!is_lawful(virt, size, flags))
		return -EINVAL;
	return change(virt, size, PTE_ADDR | PTE_LARGE, bits_of(flags));
}

int mmu_unmap(uint64_t virt, uint64_t size)
{
	return is_lawful(virt, size, MMU_READ) ? change(virt, size, 0, 0) : -EINVAL;
}

uint64_t mmu_page(uint64_t virt, unsigned *flags)
{
	unsigned level;
	uint64_t entry = *last_entry(virt, &level);

	if (!(entry & PTE_PRESENT))
		return 0;
	*flags = (entry & PTE_FLAGS) | (entry & PTE_NX ? 0 : MMU_EXEC);
	return page_size(level);
}

phys_addr_t mmu_translate(uint64_t virt)
{
	unsigned level;
	uint64_t entry = *last_entry(virt, &level), within = page_size(level) - 1;

	if (!(entry & PTE_PRESENT))
		return PHYS_NONE;
	return phys((entry & PTE_ADDR & ~within) | (virt & within));
}

static bool map_ram(const struct memmap *map)
{
	for (size_t i = 0; i < map->ram.count; i++) {
		struct mem_range r = map->ram.range[i];
		uint64_t start = r.start ? r.start : PAGE_SIZE;

		if (start < r.end && mmu_map((uint64_t)phys_to_virt(phys(start)), phys(start),
					     r.end - start, MMU_WRITE))
			return false;
	}
	return true;
}

/* One section, and what its alias in the direct map may: never more than reading. */
static bool protect_section(const char *start, const char *end, unsigned flags)
{
	uint64_t size = ALIGN_UP(end - start, PAGE_SIZE);

	return !mmu_protect((uint64_t)start, size, flags) &&
	       !mmu_protect((uint64_t)phys_to_virt(virt_to_phys(start)), size, MMU_READ);
}

static bool map_image(void)
{
	uint64_t start = ALIGN_DOWN((uint64_t)__image_start, PAGE_SIZE);
	uint64_t size = ALIGN_UP((uint64_t)__image_end, PAGE_SIZE) - start;
	bool done = !mmu_map(start, virt_to_phys(__image_start), size, MMU_WRITE) &&
		    protect_section(__text_start, __text_end, MMU_EXEC) &&
		    protect_section(__rodata_start, __rodata_end, MMU_READ);

	for (unsigned i = 0; done && i < STACK_GUARDS; i++)
		done = !mmu_unmap((uint64_t)stack_guards[i].page, PAGE_SIZE);
	return done;
}

static void find_features(void)
{
	uint32_t edx = cpuid(CPUID_EXT_FEATURES).edx;
	unsigned width = cpuid(CPUID_EXT_WIDTHS).eax & 0xff;

	mmu.has_nx = edx & CPUID_EXT_1_EDX_NX;
	mmu.has_1gib = edx & CPUID_EXT_1_EDX_PAGE1G;
	mmu.has_pat = cpuid(CPUID_FEATURES).edx & CPUID_1_EDX_PAT;
	if (width < 32 || width > 52)
		width = 36; /* what em64t began with */
	mmu.phys_end = 1ULL << width;
	if (mmu.phys_end > MMIO_BASE - DIRECT_BASE)
		mmu.phys_end = MMIO_BASE - DIRECT_BASE;
}

/* Bits that the new entries use must mean what they say before the first of them is walked. */
static void switch_tables(void)
{
	if (mmu.has_nx)
		wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_NXE);
	/* Entry 1 (PWT alone) is write-through at reset, which nobody used. */
	if (mmu.has_pat)
		wrmsr(MSR_PAT, (rdmsr(MSR_PAT) & ~PAT_ENTRY_1) | PAT_ENTRY_1_COMBINING);
	write_cr3(mmu.root.value);
}

int mmu_init(struct memmap *map)
{
	find_features();
	mmu.map = map;
	mmu.root = table_page();
	if (phys_is_none(mmu.root) || !map_ram(map) || !map_image())
		return -ENOMEM;
	switch_tables();
	return 0;
}

void mmu_use_pages(struct zones *zones)
{
	mmu.zones = zones;
}

/*
 * The first place in the window, `within` bytes behind a multiple of `align`, where `bytes` are
 * not mapped, nor a page before and behind; 0. The tables themselves say what is. What is large
 * lies apart: where a table once was for small pages, no large one can be.
 */
static uint64_t find_window(uint64_t bytes, uint64_t align, uint64_t within)
{
	uint64_t base = align == PAGE_SIZE ? MMIO_BASE : MMIO_LARGE_BASE;
	uint64_t start = base + align + within, at = start - PAGE_SIZE, next;
	unsigned level;

	while (at < start + bytes + PAGE_SIZE) {
		bool mapped = *last_entry(at, &level) & PTE_PRESENT;

		next = ALIGN_DOWN(at, page_size(level)) + page_size(level);
		if (mapped)
			start = ALIGN_UP(next + PAGE_SIZE - within, align) + within;
		at = mapped ? start - PAGE_SIZE : next;
		if (bytes + PAGE_SIZE > KERNEL_BASE - start)
			return 0;
	}
	return start;
}

/* A large mapping lies in its 2 MiB as its memory does, so that large pages fit. */
void *mmu_map_device(phys_addr_t addr, uint64_t size, unsigned flags)
{
	uint64_t offset = addr.value % PAGE_SIZE, align = PAGE_SIZE, start, bytes;

	if (!size || addr.value >= mmu.phys_end || size > mmu.phys_end - addr.value)
		return NULL;
	addr.value -= offset;
	bytes = ALIGN_UP(offset + size, PAGE_SIZE);
	if (bytes >= page_size(LEVEL_2MIB))
		align = page_size(LEVEL_2MIB);
	start = find_window(bytes, align, addr.value % align);
	if ((flags & MMU_UNCACHED) != MMU_COMBINING || !mmu.has_pat)
		flags |= MMU_UNCACHED;
	if (!start || mmu_map(start, addr, bytes, flags))
		return NULL;
	return (void *)(start + offset);
}

void mmu_unmap_device(const void *mapped, uint64_t size)
{
	uint64_t offset = (uint64_t)mapped % PAGE_SIZE;

	mmu_unmap((uint64_t)mapped - offset, ALIGN_UP(offset + size, PAGE_SIZE));
}

uint64_t mmu_phys_limit(void)
{
	if (!mmu.phys_end)
		find_features();
	return mmu.phys_end;
}
