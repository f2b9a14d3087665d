/*
 * CRC-32C (Castagnoli; RFC 3720, appendix B.4): the checksum of records, of
 * the manifest and of the state's entries. It detects what a disk has
 * corrupted, not what somebody has forged.
 */
#ifndef ENSCALE_COMMON_BASE_CRC32C_H
#define ENSCALE_COMMON_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Continues from crc, which is 0 at the beginning. */
uint32_t crc32c(uint32_t crc, const void *data, size_t len);
/* The same, computed without the processor's instruction for it. */
uint32_t crc32c_by_table(uint32_t crc, const void *data, size_t len);

#endif
