/* How far an import is, on a terminal: "accounts 4200 of 10000, 3100 a second,
 * 2 s left". Elsewhere nothing is said. */
#ifndef ENSCALECTL_IMPORT_PROGRESS_H
#define ENSCALECTL_IMPORT_PROGRESS_H

#include <stdint.h>

void import_progress_begin(uint32_t all);
/* What is done now, of how many of all. It is shown some times a second. */
void import_progress(const char *what, uint32_t done);
/* Takes the line away, for another one. */
void import_progress_clear(void);

#endif
