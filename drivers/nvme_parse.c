/* SPDX-License-Identifier: MIT */
/* Controllers' own words [NVM Express 1.4: 3.1, 4.6.1, 5.15]. */
#include "drivers/nvme_parse.h"

#include "kernel/string.h"

#define READY_UNIT_NS 500000000ULL

/* Identify Controller [figure 247] */
#define ID_MDTS 77

/* Identify Namespace [figure 245] */
#define ID_NLBAF     25 /* formats, less 1 */
#define ID_FLBAS     26
#define ID_LBAF	     128 /* a format: two bytes of metadata; of data 2^n bytes */
#define ID_LBAF_DATA 2

const char *nvme_parse_capability(uint64_t cap, struct nvme_capability *capability)
{
	*capability = (struct nvme_capability){
		.entries = NVME_CAP_MQES(cap) + 1,
		.stride = 4u << NVME_CAP_DSTRD(cap),
		.ready_ns = (NVME_CAP_TO(cap) + 1) * READY_UNIT_NS,
		.has_cmbmsc = cap & NVME_CAP_CMBS,
	};
	if (!(cap & NVME_CAP_CSS_NVM))
		return "it knows no NVM commands";
	if (NVME_CAP_MPSMIN(cap))
		return "its pages are larger than 4 KiB";
	return NVME_CAP_MQES(cap) ? NULL : "its queues hold nothing";
}

bool nvme_parse_cmb(uint32_t location, uint32_t size, struct nvme_cmb *cmb)
{
	unsigned unit = 12 + 4 * NVME_CMBSZ_SZU(size);

	*cmb = (struct nvme_cmb){.bar = NVME_CMBLOC_BIR(location)};
	if (cmb->bar > NVME_CMBLOC_BIR_MOST || (size & NVME_CMBSZ_USES) != NVME_CMBSZ_USES ||
	    NVME_CMBSZ_SZU(size) > NVME_CMBSZ_SZU_MOST)
		return false;
	cmb->offset = (uint64_t)NVME_CMBLOC_OFST(location) << unit;
	cmb->size = (uint64_t)NVME_CMBSZ_SZ(size) << unit;
	return cmb->size;
}

size_t nvme_parse_most_bytes(const uint8_t *data)
{
	uint8_t shift = data[ID_MDTS];

	return shift && shift < 32 ? (size_t)NVME_PAGE << shift : SIZE_MAX;
}

const char *nvme_parse_namespace(const uint8_t *data, uint64_t *sectors, uint32_t *sector_size)
{
	unsigned format = data[ID_FLBAS] & 15;
	const uint8_t *lbaf = data + ID_LBAF + 4 * format;

	memcpy(sectors, data, sizeof(*sectors));
	if (format > data[ID_NLBAF])
		return "its format is none of those that it has";
	if (lbaf[ID_LBAF_DATA] < 9 || lbaf[ID_LBAF_DATA] > 12)
		return "its sectors have less than 512 or more than 4096 bytes";
	if (lbaf[0] || lbaf[1])
		return "its sectors have metadata";
	if (!*sectors || *sectors > UINT64_MAX >> lbaf[ID_LBAF_DATA])
		return "it can't have that many sectors";
	*sector_size = 1u << lbaf[ID_LBAF_DATA];
	return NULL;
}

const char *nvme_status_name(uint16_t status)
{
	static const struct {
		unsigned status;
		const char *name;
	} names[] = {
		{0x001, "no such command"},	   {0x002, "a field means nothing"},
		{0x00b, "no such namespace"},	   {0x013, "a PRP means nothing"},
		{0x080, "beyond the end"},	   {0x280, "write fault"},
		{0x281, "unrecovered read error"},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].status == NVME_STATUS(status))
			return names[i].name;
	return NVME_STATUS(status) >> 8 == 2 ? "the medium failed" : "the device failed";
}
