/*
 * Included before everything else by the compiler's command line: config.h,
 * so that no file can forget it, and the functions that this project does not
 * use. An unchecked length is a compile error, not a review comment.
 *
 * Instead: snprintf() and memcpy() with the size in hand; parse_u32() and
 * its kin in common/names/login_name.h for numbers.
 */
#ifndef ENSCALE_COMMON_BASE_BANNED_H
#define ENSCALE_COMMON_BASE_BANNED_H

#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BANNED(function) sorry_##function##_is_not_used_here

#undef strcpy
#define strcpy(...) BANNED(strcpy)
#undef strncpy
#define strncpy(...) BANNED(strncpy)
#undef strcat
#define strcat(...) BANNED(strcat)
#undef strncat
#define strncat(...) BANNED(strncat)
#undef strtok
#define strtok(...) BANNED(strtok)
#undef sprintf
#define sprintf(...) BANNED(sprintf)
#undef vsprintf
#define vsprintf(...) BANNED(vsprintf)
#undef sscanf
#define sscanf(...) BANNED(sscanf)
#undef atoi
#define atoi(...) BANNED(atoi)
#undef atol
#define atol(...) BANNED(atol)
#undef strtol
#define strtol(...) BANNED(strtol)
#undef strtoul
#define strtoul(...) BANNED(strtoul)

#endif
