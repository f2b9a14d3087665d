/*
 * The macros with which the shell's seccomp filters are written, and the call
 * that installs one. A filter is an array of struct sock_filter, read from its
 * top:
 *
 *	FILTER_BEGIN, FILTER_DENY(ptrace), ..., FILTER_ALLOW
 *
 * A filter only permits calls of this architecture, so that there is no second
 * way to make a call. Where SYSCALL_FILTER is not defined, no filter can be
 * built.
 */
#ifndef ENSCALE_SHELL_SYSCALL_FILTER_H
#define ENSCALE_SHELL_SYSCALL_FILTER_H

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#	define SYSCALL_FILTER AUDIT_ARCH_X86_64
#	define FILTER_FOREIGN 0x40000000U /* x32 */
#elif defined(__aarch64__)
#	define SYSCALL_FILTER AUDIT_ARCH_AARCH64
#	define FILTER_FOREIGN 0xffffffffU
#endif

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#	define FILTER_LOW_WORD 0
#else
#	define FILTER_LOW_WORD 4
#endif

#define FILTER_GIVE(action) BPF_STMT(BPF_RET | BPF_K, action)
#define FILTER_FAIL(error)  FILTER_GIVE(SECCOMP_RET_ERRNO | (error))
#define FILTER_ALLOW        FILTER_GIVE(SECCOMP_RET_ALLOW)
#define FILTER_LOAD(field) \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
/* The low word of an argument: its value for an int. */
#define FILTER_LOAD_ARGUMENT(n)            \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, \
	    offsetof(struct seccomp_data, args[n]) + FILTER_LOW_WORD)
/* Skips that many instructions unless the loaded value is equal. */
#define FILTER_UNLESS(value, skip) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip)
#define FILTER_WHEN(value, skip) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, skip, 0)
#define FILTER_WHEN_ANY(bits, skip) \
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, skip, 0)
#define FILTER_MASK(bits) BPF_STMT(BPF_ALU | BPF_AND | BPF_K, bits)

/* Leaves the call's number loaded. */
#define FILTER_BEGIN                                                   \
	FILTER_LOAD(arch), FILTER_WHEN(SYSCALL_FILTER, 1),             \
	    FILTER_GIVE(SECCOMP_RET_KILL_PROCESS), FILTER_LOAD(nr),    \
	    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, FILTER_FOREIGN, 0, 1), \
	    FILTER_FAIL(ENOSYS)
/* Begins and ends with the call's number loaded. */
#define FILTER_DENY_NUMBER(number) FILTER_UNLESS(number, 1), FILTER_FAIL(EPERM)
#define FILTER_DENY(call)          FILTER_DENY_NUMBER(SYS_##call)

/*
 * For this process and all its children, for ever; the array is borrowed for
 * the call. flags: 0 or SECCOMP_FILTER_FLAG_NEW_LISTENER. Returns 0, or with
 * that flag the listener, to be closed (seccomp_unotify(2)); -errno. Needs
 * PR_SET_NO_NEW_PRIVS.
 */
int syscall_filter_begin(const struct sock_filter *filter, size_t count,
    unsigned flags);

#endif
