/* See syscall_filter.h. seccomp(2) has no function in glibc. */
#include <config.h>

#include "enscale_shell/syscall_filter.h"

#include <string.h>
#include <unistd.h>

int
syscall_filter_begin(const struct sock_filter *filter, size_t count,
    unsigned flags)
{
	struct sock_fprog program = { .len = (unsigned short)count };
	int r;

	/* The kernel reads what its struct names as writable. */
	memcpy(&program.filter, &filter, sizeof(filter));
	r = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
	return r < 0 ? -errno : r;
}
