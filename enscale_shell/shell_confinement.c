/* See shell_confinement.h. Landlock's calls and one seccomp filter, without a
 * library. It refuses nothing that is open already: the user's three
 * descriptors stay what they are. */
#include <config.h>

#include "enscale_shell/shell_confinement.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "enscale_shell/ssh_options.h"

/* ---- files ------------------------------------------------------------- */

/* All that the first version of Landlock knows but READ_DIR: reading names
 * says nothing that ls /usr does not. */
#define EVERYTHING                                                          \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |       \
	    LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |  \
	    LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR | \
	    LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |     \
	    LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |   \
	    LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)
#define READ  LANDLOCK_ACCESS_FS_READ_FILE
#define WRITE LANDLOCK_ACCESS_FS_WRITE_FILE
#define RUN   LANDLOCK_ACCESS_FS_EXECUTE

static const struct {
	const char *path;
	uint64_t access;
} rules[] = {
	{ SSH_PROGRAM, READ | RUN },
	{ SSH_CONNECT, READ | RUN },
	/* Libraries and locales, and what loads and finds them. */
	{ "/usr", READ },
	{ "/etc/ld.so.cache", READ },
	{ "/etc/ld.so.preload", READ },
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

/* What is not there needs no rule. */
static int
allow(int ruleset, const char *path, uint64_t access)
{
	struct landlock_path_beneath_attr below = { .allowed_access = access };
	AUTO_FD int fd = open(path, O_PATH | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	below.parent_fd = fd;
	return syscall(SYS_landlock_add_rule, ruleset,
	           LANDLOCK_RULE_PATH_BENEATH, &below, 0U) < 0
	    ? -errno
	    : 0;
}

/* The loader: ssh has the same one, and the kernel runs it first. */
static int
find_loader(struct dl_phdr_info *info, size_t size, void *arg)
{
	const char **loader = arg;
	int i;

	(void)size;
	/* The first object is the program itself. */
	for (i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_INTERP)
			*loader = (const char *)(info->dlpi_addr +
			    info->dlpi_phdr[i].p_vaddr);
	return 1;
}

static int
add_rules(int ruleset)
{
	const char *loader = NULL;
	size_t i;
	int r = 0;

	for (i = 0; i < sizeof(rules) / sizeof(rules[0]) && r == 0; i++)
		r = allow(ruleset, rules[i].path, rules[i].access);
	dl_iterate_phdr(find_loader, &loader);
	if (r == 0 && loader != NULL)
		r = allow(ruleset, loader, READ | RUN);
	return r;
}

static int
confine_files(void)
{
	const struct landlock_ruleset_attr attr = {
		.handled_access_fs = EVERYTHING,
	};
	AUTO_FD int ruleset = -1;
	int r;

	ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr),
	    0U);
	if (ruleset < 0)
		return errno == ENOSYS || errno == EOPNOTSUPP ? 0 : -errno;
	r = add_rules(ruleset);
	if (r != 0)
		return r;
	return syscall(SYS_landlock_restrict_self, ruleset, 0U) < 0 ? -errno
	                                                            : 0;
}

/* ---- the terminal ------------------------------------------------------ */

#if defined(__x86_64__)
#	define ARCHITECTURE AUDIT_ARCH_X86_64
#	define FOREIGN_CALL 0x40000000U /* x32 */
#elif defined(__aarch64__)
#	define ARCHITECTURE AUDIT_ARCH_AARCH64
#	define FOREIGN_CALL 0xffffffffU
#endif

#ifdef ARCHITECTURE
#	if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#		define LOW_WORD 0
#	else
#		define LOW_WORD 4
#	endif

#	define LOAD(field)                        \
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, \
		    offsetof(struct seccomp_data, field))
#	define GIVE(action) BPF_STMT(BPF_RET | BPF_K, action)
#	define UNLESS(value, skip) \
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip)

/*
 * TIOCSTI and TIOCLINUX put words into a terminal's mouth, which whoever
 * reads from it next would take for the user's. Only calls of this
 * architecture, so that there is no second way to say ioctl.
 */
static int
confine_terminal(void)
{
	static struct sock_filter filter[] = {
		LOAD(arch),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0),
		GIVE(SECCOMP_RET_KILL_PROCESS),
		LOAD(nr),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, FOREIGN_CALL, 0, 1),
		GIVE(SECCOMP_RET_ERRNO | ENOSYS),
		UNLESS(SYS_ioctl, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, args[1]) + LOW_WORD),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TIOCSTI, 1, 0),
		UNLESS(TIOCLINUX, 1),
		GIVE(SECCOMP_RET_ERRNO | EPERM),
		GIVE(SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {
		.len = sizeof(filter) / sizeof(filter[0]),
		.filter = filter,
	};

	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0)
		return 0;
	return errno == EINVAL ? 0 : -errno; /* a kernel without it */
}
#else
static int
confine_terminal(void)
{
	return 0;
}
#endif

int
shell_confinement_begin(void)
{
	int r = confine_files();

	return r != 0 ? r : confine_terminal();
}
