/* Standard output: documents for programs, times for programs and people. */
#ifndef ENSCALE_SHELL_OUTPUT_H
#define ENSCALE_SHELL_OUTPUT_H

#include <stdint.h>

#include <jansson.h>

#define OUTPUT_TIME_SIZE 32

/* For a program: "2025-11-22T22:54:00Z"; NULL if it is not a time. */
const char *output_time(int64_t when, char buf[OUTPUT_TIME_SIZE]);
/* For a person: "2025-11-22 22:54 UTC"; "unknown" if it is not a time. */
const char *output_date(int64_t when, char buf[OUTPUT_TIME_SIZE]);

/* Writes the document, which may be NULL (no memory), and frees it. Returns an
 * exit code. */
int output_json(json_t *document);
/* Was everything written? Returns an exit code. */
int output_end(void);

#endif
