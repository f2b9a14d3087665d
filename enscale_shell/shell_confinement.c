/* See shell_confinement.h. Landlock's rules and one seccomp filter. It
 * restricts nothing that is open already: the user's three descriptors stay
 * what they are. */
#include <config.h>

#include "enscale_shell/shell_confinement.h"

#include <elf.h>
#include <limits.h>
#include <link.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/base/landlock.h"
#include "enscale_shell/programs.h"
#include "enscale_shell/syscall_filter.h"

/* ---- files, ports and who else is there -------------------------------- */

/* What each version of Landlock can take, and is taken. Not READ_DIR: names
 * of files say nothing that ls /usr does not. */
#define FILES_1                                                             \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |       \
	    LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |  \
	    LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR | \
	    LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |     \
	    LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |   \
	    LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)

static const struct {
	int version;
	struct landlock_rights rights;
} versions[] = {
	{ 1, { .files = FILES_1 } },
	{ 2, { .files = LANDLOCK_FS_REFER } },
	{ 3, { .files = LANDLOCK_FS_TRUNCATE } },
	{ 4, { .network = LANDLOCK_TCP_BIND } },
	{ 6, { .scopes = LANDLOCK_SCOPE_SOCKETS | LANDLOCK_SCOPE_SIGNALS } },
};

#define READ  LANDLOCK_ACCESS_FS_READ_FILE
#define WRITE LANDLOCK_ACCESS_FS_WRITE_FILE
#define RUN   LANDLOCK_ACCESS_FS_EXECUTE

/* Programs are those of programs.h, libraries found by add_library(). No folder of programs is among
 * these: the loader would run what it can read. */
static const struct {
	const char *path;
	uint64_t access;
} rules[] = {
	{ "/etc/ld.so.cache", READ },
	{ "/etc/ld.so.preload", READ },
	/* Texts and times in the user's way */
	{ "/usr/lib/locale", READ },
	{ "/usr/share", READ },
	{ "/etc/localtime", READ },
	/* ssh asks who it is. */
	{ "/etc/nsswitch.conf", READ },
	{ "/etc/passwd", READ },
	{ ENS_STATE_DIR "/map", READ },
	/* libcrypto's settings of the system, never a private key's folder */
	{ "/etc/ssl/openssl.cnf", READ },
	{ "/etc/pki/tls/openssl.cnf", READ },
	{ "/etc/crypto-policies", READ },
	{ "/dev/null", READ | WRITE },
	{ "/dev/tty", READ | WRITE },
	{ "/dev/urandom", READ },
};

/* The folder of a library of ours: ssh's are there, too. */
static int
add_library(struct dl_phdr_info *info, size_t size ENS_UNUSED, void *arg)
{
	const int *ruleset = arg;
	const char *slash = strrchr(info->dlpi_name, '/');
	char folder[PATH_MAX];
	int len;

	if (slash == NULL || slash == info->dlpi_name)
		return 0; /* the program itself, or the vdso */
	len = snprintf(folder, sizeof(folder), "%.*s",
	    (int)(slash - info->dlpi_name), info->dlpi_name);
	return len >= (int)sizeof(folder)
	    ? ENS_E_LIMIT
	    : landlock_allow_path(*ruleset, folder, READ);
}

/* The loader: ssh has the same one, and the kernel runs it first. */
static int
find_loader(struct dl_phdr_info *info, size_t size ENS_UNUSED, void *arg)
{
	const char **loader = arg;
	int i;

	/* The first object is the program itself. */
	for (i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_INTERP)
			*loader = (const char *)(info->dlpi_addr +
			    info->dlpi_phdr[i].p_vaddr);
	return 1;
}

static int
add_program(int ruleset, enum program program)
{
	int fd = programs_fd(program);

	return fd >= 0 ? landlock_allow_fd(ruleset, fd, READ | RUN) : 0;
}

static int
add_rules(int ruleset)
{
	const char *loader = NULL;
	size_t i;
	int r;

	r = add_program(ruleset, PROGRAM_SSH);
	if (r == 0)
		r = add_program(ruleset, PROGRAM_CONNECT);
	for (i = 0; i < sizeof(rules) / sizeof(rules[0]) && r == 0; i++)
		r = landlock_allow_path(ruleset, rules[i].path,
		    rules[i].access);
	if (r == 0)
		r = dl_iterate_phdr(add_library, &ruleset);
	dl_iterate_phdr(find_loader, &loader);
	if (r == 0 && loader != NULL)
		r = landlock_allow_path(ruleset, loader, READ | RUN);
	return r;
}

static int
confine_files(void)
{
	struct landlock_rights rights = { .files = 0 };
	int version = landlock_version();
	AUTO_FD int ruleset = -1;
	size_t i;
	int r;

	if (version == 0)
		return 0;
	for (i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		if (versions[i].version > version)
			break;
		rights.files |= versions[i].rights.files;
		rights.network |= versions[i].rights.network;
		rights.scopes |= versions[i].rights.scopes;
	}
	ruleset = landlock_open(&rights);
	if (ruleset < 0)
		return ruleset;
	r = add_rules(ruleset);
	return r != 0 ? r : landlock_begin(ruleset);
}

/* ---- calls ------------------------------------------------------------- */

#ifdef SYSCALL_FILTER
#	define NEW_NAMESPACES                                               \
		(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | \
		    CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)
#	define SOCKET_TYPE   0xf /* SOCK_TYPE_MASK of linux/net.h */
#	define SYS_FCHMODAT2 452 /* of Linux 6.6 */

/*
 * What neither the shell nor ssh nor enscale-connect ever asks for. Programs
 * without a path; other processes; namespaces; a way around this filter
 * (io_uring); modes and owners, which Landlock does not know; the kernel's
 * rarely used corners. A connection is made, never taken.
 *
 * Sockets are unix streams (the guard, agents) and TCP, pairs unix streams:
 * one of a pair of datagrams would send to any name. TIOCSTI and TIOCLINUX put
 * input into a terminal, which whoever reads from it next would take for the
 * user's. clone3 hides its flags from a filter; glibc does with clone where it
 * is missing.
 */
static const struct sock_filter filter[] = {
	FILTER_BEGIN,
	FILTER_DENY(execveat),
	FILTER_DENY(ptrace),
	FILTER_DENY(process_vm_readv),
	FILTER_DENY(process_vm_writev),
	FILTER_DENY(pidfd_getfd),
	FILTER_DENY(unshare),
	FILTER_DENY(setns),
	FILTER_DENY(mount),
	FILTER_DENY(umount2),
	FILTER_DENY(pivot_root),
	FILTER_DENY(chroot),
	FILTER_DENY(open_tree),
	FILTER_DENY(move_mount),
	FILTER_DENY(fsopen),
	FILTER_DENY(fspick),
	FILTER_DENY(mount_setattr),
	FILTER_DENY(io_uring_setup),
	FILTER_DENY(bpf),
	FILTER_DENY(perf_event_open),
	FILTER_DENY(userfaultfd),
	FILTER_DENY(add_key),
	FILTER_DENY(request_key),
	FILTER_DENY(keyctl),
	FILTER_DENY(shmget),
	FILTER_DENY(semget),
	FILTER_DENY(msgget),
	FILTER_DENY(mq_open),
	FILTER_DENY(bind),
	FILTER_DENY(listen),
	FILTER_DENY(accept),
	FILTER_DENY(accept4),
	FILTER_DENY(fchmod),
	FILTER_DENY(fchmodat),
	FILTER_DENY_NUMBER(SYS_FCHMODAT2),
	FILTER_DENY(fchown),
	FILTER_DENY(fchownat),
	FILTER_DENY(setxattr),
	FILTER_DENY(lsetxattr),
	FILTER_DENY(fsetxattr),
#	ifdef SYS_chmod /* the older calls, of x86 */
	FILTER_DENY(chmod),
	FILTER_DENY(chown),
	FILTER_DENY(lchown),
#	endif
	FILTER_UNLESS(SYS_clone3, 1),
	FILTER_FAIL(ENOSYS),
	FILTER_UNLESS(SYS_clone, 4),
	FILTER_LOAD_ARGUMENT(0),
	FILTER_WHEN_ANY(NEW_NAMESPACES, 1),
	FILTER_ALLOW,
	FILTER_FAIL(EPERM),
	FILTER_UNLESS(SYS_ioctl, 5),
	FILTER_LOAD_ARGUMENT(1),
	FILTER_WHEN(TIOCSTI, 2),
	FILTER_WHEN(TIOCLINUX, 1),
	FILTER_ALLOW,
	FILTER_FAIL(EPERM),
	FILTER_UNLESS(SYS_socket, 12),
	FILTER_LOAD_ARGUMENT(1),
	FILTER_MASK(SOCKET_TYPE),
	FILTER_UNLESS(SOCK_STREAM, 8),
	FILTER_LOAD_ARGUMENT(0),
	FILTER_WHEN(AF_UNIX, 5),
	FILTER_WHEN(AF_INET, 1),
	FILTER_UNLESS(AF_INET6, 4),
	FILTER_LOAD_ARGUMENT(2),
	FILTER_WHEN(0, 1),
	FILTER_UNLESS(IPPROTO_TCP, 1),
	FILTER_ALLOW,
	FILTER_FAIL(EPERM),
	FILTER_UNLESS(SYS_socketpair, 7),
	FILTER_LOAD_ARGUMENT(0),
	FILTER_UNLESS(AF_UNIX, 4),
	FILTER_LOAD_ARGUMENT(1),
	FILTER_MASK(SOCKET_TYPE),
	FILTER_UNLESS(SOCK_STREAM, 1),
	FILTER_ALLOW,
	FILTER_FAIL(EPERM),
	FILTER_ALLOW,
};

static int
confine_calls(void)
{
	int r = syscall_filter_begin(filter, sizeof(filter) / sizeof(filter[0]),
	    0);

	/* a kernel without it */
	return r == -EINVAL || r == -ENOSYS ? 0 : r;
}
#else
static int
confine_calls(void)
{
	return 0;
}
#endif

int
shell_confinement_begin(void)
{
	int r = confine_files();

	return r != 0 ? r : confine_calls();
}
