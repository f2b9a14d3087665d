/* A fuzz target: one file each, for clang's libFuzzer ("make fuzz") and for
 * replay.c, which "make check" runs over the corpus. */
#ifndef ENSCALE_FUZZ_FUZZ_H
#define ENSCALE_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* Returns 0; whatever must not be ends the program. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Unlike assert(), there in every build. */
#define MUST(condition) ((condition) ? (void)0 : abort())

#endif
