/* SPDX-License-Identifier: MIT */
/*
 * What is on a disk goes by, in pieces, many in flight: to be hashed, or to be
 * written to another disk. The host holds both against its own images.
 *
 * A ring of pieces, each with memory of its own. They are read, and written, in
 * any order, and retired in theirs.
 *
 * Buffers are single pages from all over the memory above 4 GiB, where there is
 * any: what a 32-bit device can't reach, and no two beside each other (blocks of
 * them, where a request is to be larger than it may have pages). With place=low
 * and place=edge they lie there.
 */
#include "drivers/block.h"
#include "kernel/cmdline.h"
#include "kernel/irq.h"
#include "kernel/jobs/disk.h"
#include "kernel/jobs/job.h"
#include "kernel/jobs/progress.h"
#include "kernel/jobs/sha256.h"
#include "kernel/machine.h"
#include "kernel/printf.h"
#include "kernel/string.h"
#include "kernel/time.h"

#define PIECE_BYTES    KIB(128)
#define PIECE_MOST     MIB(4)
#define PIECE_SEGMENTS 32 /* of a page, or more */
#define DEPTH	       16
#define DEPTH_MOST     64

struct stream {
	struct block_device *from, *to; /* to NULL: it is hashed */
	uint64_t first, last;		/* bytes: what of it is hashed */
	uint64_t piece_bytes, depth;
	unsigned order; /* a piece has segments of 2^order pages */
	struct piece *piece[DEPTH_MOST];
	struct sha256 sha;
	uint64_t waited; /* ticks in which nobody had anything to do */
	int err;	 /* the first */
};

struct piece {
	struct block_request request;
	struct stream *stream;
	uint64_t at, bytes;    /* on the disk it comes from; no bytes: not asked for */
	volatile bool through; /* what there is to wait for has been */
	struct scatterlist sg[PIECE_SEGMENTS];
};

_Static_assert(sizeof(struct piece) <= KMEM_MAX, "one object");

/* --- memory --- */

static phys_addr_t take_pages(const struct stream *s)
{
	const struct page_fit above = {.first = GIB(4), .boundary_mask = UINT64_MAX};
	const struct page_request request = {.order = s->order,
					     .zone = ZONE_NORMAL,
					     .place = PLACE_SHUFFLE,
					     .limit = NO_LIMIT,
					     .fit = &above};
	phys_addr_t page = PHYS_NONE;

	if (place_option != PLACE_OPTION_LOW && place_option != PLACE_OPTION_EDGE)
		page = pages_alloc(&machine.zones, &request);
	return phys_is_none(page) ? device_place_pages(s->from->queue->dev, s->order) : page;
}

static void piece_free(const struct stream *s, struct piece *piece)
{
	for (unsigned i = 0; piece && i < PIECE_SEGMENTS && piece->sg[i].addr.value; i++)
		pages_free(&machine.zones, piece->sg[i].addr, s->order);
	kfree(&machine.kmem, piece);
}

/* NULL: no memory for another. */
static struct piece *piece_new(struct stream *s)
{
	struct piece *piece = kmalloc(&machine.kmem, sizeof(*piece));
	phys_addr_t page;

	for (unsigned i = 0; piece && i * (PAGE_SIZE << s->order) < s->piece_bytes; i++) {
		page = take_pages(s);
		if (phys_is_none(page)) {
			piece_free(s, piece);
			return NULL;
		}
		piece->sg[i].addr = page;
		piece->stream = s;
	}
	return piece;
}

/* --- a piece's way --- */

static void done(struct block_request *request);

static void submit(struct piece *piece, struct block_device *disk, enum block_op op)
{
	size_t most = PAGE_SIZE << piece->stream->order, left = piece->bytes;
	unsigned n = 0;

	for (; left; left -= piece->sg[n++].length)
		piece->sg[n].length = left < most ? left : most;
	piece->request = (struct block_request){
		.disk = disk,
		.op = op,
		.sector = piece->at / disk->sector_size,
		.sectors = (uint32_t)(piece->bytes / disk->sector_size),
		.sg = piece->sg,
		.nents = n,
		.done = done,
		.arg = piece,
	};
	piece->through = false;
	block_submit(&piece->request);
}

/* What was read is written, or hashed in its turn. */
static void done(struct block_request *request)
{
	struct piece *piece = request->arg;

	if (request->op == BLOCK_READ && piece->stream->to && !request->status)
		submit(piece, piece->stream->to, BLOCK_WRITE);
	else
		piece->through = true;
}

static bool is_through(void *arg)
{
	return ((struct piece *)arg)->through;
}

static void hash(struct stream *s, const struct piece *piece)
{
	uint64_t at = piece->at;

	for (unsigned i = 0; at < piece->at + piece->bytes; at += piece->sg[i++].length) {
		uint64_t end = at + piece->sg[i].length, from = at < s->first ? s->first : at;
		uint64_t to = end < s->last ? end : s->last;
		const uint8_t *data = port_phys_to_virt(piece->sg[i].addr);

		if (from < to)
			sha256_update(&s->sha, data + (from - at), to - from);
	}
}

static void retire(struct stream *s, struct piece *piece)
{
	uint64_t start = time_ticks() - irq_ticks();

	block_wait(is_through, piece);
	s->waited += time_ticks() - irq_ticks() - start;
	if (!s->err)
		s->err = piece->request.status;
	if (!s->err && !s->to)
		hash(s, piece);
	piece->bytes = 0;
}

static void run_stream(struct stream *s, uint64_t start, uint64_t end)
{
	uint64_t pieces = (end - start + s->piece_bytes - 1) / s->piece_bytes;
	struct progress progress;

	progress_begin(&progress, s->from->name, end - start, false);
	for (uint64_t n = 0; n < pieces + s->depth; n++) {
		struct piece *piece = s->piece[n % s->depth];
		uint64_t at = start + n * s->piece_bytes;

		if (piece->bytes)
			retire(s, piece);
		if (n < pieces && !s->err) {
			piece->at = at;
			piece->bytes = end - at < s->piece_bytes ? end - at : s->piece_bytes;
			submit(piece, s->from, BLOCK_READ);
			progress_show(&progress, at - start);
		}
	}
	progress_end(&progress);
}

static uint64_t bytes_of(const struct block_device *disk)
{
	return disk->sectors * disk->sector_size;
}

/* The bytes from `first` to `last`, in pieces of so many, so many at a time or fewer. */
static int stream(struct stream *s)
{
	uint64_t depth = 0, start = ALIGN_DOWN(s->first, s->from->sector_size);
	uint64_t end = ALIGN_UP(s->last, s->from->sector_size);

	while (PIECE_SEGMENTS * PAGE_SIZE << s->order < s->piece_bytes)
		s->order++;
	while (depth < s->depth && depth * s->piece_bytes <= end - start &&
	       (s->piece[depth] = piece_new(s)))
		depth++;
	s->depth = depth;
	if (depth)
		run_stream(s, start, end);
	else
		s->err = -ENOMEM;
	while (depth)
		piece_free(s, s->piece[--depth]);
	return s->err;
}

/* --- the jobs --- */

/* The next of "lsi0,lsi1,1K,2" as a disk; NULL, said, where it is none. */
static struct block_device *next_disk(const char **text)
{
	const char *comma = strchr(*text, ',');
	size_t n = comma ? (size_t)(comma - *text) : strlen(*text);
	char name[16];
	struct block_device *disk;

	snprintf(name, sizeof(name), "%.*s", (int)n, *text);
	disk = n < sizeof(name) ? block_find(name) : NULL;
	if (!n)
		printf("which disk? They have names such as lsi0 and nvme0\n");
	else if (!disk)
		printf("there is no disk '%.*s'\n", (int)n, *text);
	*text += n + (comma != NULL);
	return disk;
}

/* The next as a number; UINT64_MAX where it is none, which nobody wants. */
static uint64_t next_number(const char **text, uint64_t fallback)
{
	uint64_t number;

	if (!**text)
		return fallback;
	if (parse_size(*text, text, &number) || (**text && **text != ','))
		return UINT64_MAX;
	*text += **text == ',';
	return number;
}

static int run_disk(const char *arguments)
{
	struct block_device *disk = next_disk(&arguments);
	struct stream s = {.from = disk, .piece_bytes = PIECE_BYTES, .depth = DEPTH};
	char text[SHA256_TEXT];
	uint64_t length;

	if (!disk)
		return -ENODEV;
	s.first = next_number(&arguments, 0);
	length = next_number(&arguments, bytes_of(disk) - s.first);
	s.last = s.first + length;
	if (*arguments || s.first > bytes_of(disk) || length > bytes_of(disk) - s.first) {
		printf("%s has %llu bytes; a part of them is disk:<name>,<offset>,<length>\n",
		       disk->name, (ull)bytes_of(disk));
		return -EINVAL;
	}
	sha256_init(&s.sha);
	if (stream(&s)) {
		printf("%s could not be read: error %d\n", disk->name, -s.err);
		return -EIO;
	}
	sha256_final(&s.sha, text);
	printf("sha256 %s  %s\n", text, disk->name);
	return 0;
}

/* Do these fit together? Pieces are whole sectors of both disks. */
static bool can_copy(const struct stream *s)
{
	uint32_t sector = s->to->sector_size > s->from->sector_size ? s->to->sector_size
								    : s->from->sector_size;

	return s->from != s->to && s->last <= bytes_of(s->to) && s->last % sector == 0 &&
	       s->piece_bytes && s->piece_bytes <= PIECE_MOST && s->piece_bytes % sector == 0 &&
	       s->depth && s->depth <= DEPTH_MOST;
}

static int copy(struct stream *s, uint64_t *ticks)
{
	uint64_t start = time_ticks();
	int err;

	s->from->queue->most = 0;
	s->to->queue->most = 0;
	err = stream(s);
	if (ticks)
		*ticks = time_ticks() - start - s->waited;
	return err ? err : block_flush(s->to);
}

int disk_copy(struct block_device *from, struct block_device *to, uint64_t bytes, uint64_t *ticks)
{
	struct stream s = {
		.from = from, .to = to, .last = bytes, .piece_bytes = PIECE_BYTES, .depth = DEPTH};

	return can_copy(&s) ? copy(&s, ticks) : -EINVAL;
}

static int run_copy(const char *arguments)
{
	struct stream s = {.from = next_disk(&arguments)};
	int err;

	s.to = s.from ? next_disk(&arguments) : NULL;
	if (!s.to)
		return -ENODEV;
	s.last = bytes_of(s.from);
	s.piece_bytes = next_number(&arguments, PIECE_BYTES);
	s.depth = next_number(&arguments, DEPTH);
	if (*arguments || !can_copy(&s)) {
		printf("copy: %llu bytes of %s don't go to %s, which has %llu; a request is whole "
		       "sectors of both, up to %llu bytes, and %d are in flight at most\n",
		       (ull)s.last, s.from->name, s.to->name, (ull)bytes_of(s.to), (ull)PIECE_MOST,
		       DEPTH_MOST);
		return -EINVAL;
	}
	err = copy(&s, NULL);
	if (err)
		printf("copy: %s to %s failed: error %d\n", s.from->name, s.to->name, -err);
	else
		printf("copy: %llu bytes, %s to %s, at most %u and %u requests in flight\n",
		       (ull)s.last, s.from->name, s.to->name, s.from->queue->most,
		       s.to->queue->most);
	return err;
}

const struct job disk_job = {
	.name = "disk",
	.help = "hash a disk, or a part of it: disk:<name>[,offset,length]",
	.run = run_disk,
};

const struct job copy_job = {
	.name = "copy",
	.help = "copy a disk: copy:<from>,<to>[,bytes of a request[,requests in flight]]",
	.run = run_copy,
};
