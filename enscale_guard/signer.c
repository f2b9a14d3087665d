/*
 * The signer's process and the guard's end of its socketpair. The process
 * parses nothing that a user sends, and opens nothing after the key: no file,
 * no socket, no program.
 */
#include <config.h>

#include "enscale_guard/signer.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "enscale_guard/bucket.h"
#include "enscale_guard/log.h"

#define CA_FILE_MAX      16384
#define SECURE_HEAP_SIZE 65536
#define SECURE_HEAP_MIN  32
struct signer_reply {
	int32_t error;
	uint32_t len;
	uint64_t serial;
	uint8_t blob[CERT_BLOB_MAX];
};

#define REPLY_HEAD_LEN offsetof(struct signer_reply, blob)

struct signer {
	pid_t pid;
	int fd;
	bool lost;
	size_t authority_len;
	uint8_t authority[KEY_BLOB_MAX];
};

static void
free_bio(BIO **bio)
{
	BIO_free(*bio);
}

/* ---- the process ------------------------------------------------------ */

/* It belongs to root, and a group that not all of us are in may read it; or, as
 * it used to be, it belongs to this user and nobody else may read it. */
static bool
is_guarded(const struct stat *st)
{
	if (st->st_uid == 0 && st->st_gid != getegid())
		return (st->st_mode & 037) == 0;
	return (st->st_mode & 077) == 0 &&
	    (st->st_uid == geteuid() || st->st_uid == 0);
}

static int
check_key_file(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size > CA_FILE_MAX)
		return ENS_E_KEY_FORMAT;
	return is_guarded(&st) ? 0 : -EPERM;
}

/* No prompt for a pass phrase, ever. */
static int
no_passphrase(char *buf, int size, int rwflag, void *arg)
{
	(void)buf, (void)size, (void)rwflag, (void)arg;
	return -1;
}

static int
load_key(const char *path, EVP_PKEY **ret_key)
{
	AUTO(free_bio) BIO *bio = NULL;
	AUTO_FD int fd = -1;
	uint8_t *text;
	EVP_PKEY *key;
	ssize_t len;
	int r;

	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	r = check_key_file(fd);
	if (r < 0)
		return r;
	text = OPENSSL_secure_zalloc(CA_FILE_MAX);
	if (text == NULL)
		return -ENOMEM;
	len = read(fd, text, CA_FILE_MAX);
	r = len < 0 ? -errno : 0;
	if (r == 0)
		bio = BIO_new_mem_buf(text, (int)len);
	key = bio != NULL
	    ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL)
	    : NULL;
	OPENSSL_secure_clear_free(text, CA_FILE_MAX);
	if (r < 0)
		return r;
	if (key == NULL)
		return ENS_E_KEY_FORMAT;
	if (EVP_PKEY_get_id(key) != EVP_PKEY_ED25519) {
		EVP_PKEY_free(key);
		return ENS_E_KEY_TYPE;
	}
	*ret_key = key;
	return 0;
}

#if defined(__x86_64__)
#	define SIGNER_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#	define SIGNER_ARCH AUDIT_ARCH_AARCH64
#endif

#if defined(__SANITIZE_ADDRESS__)
#	define SIGNER_UNDER_SANITIZER 1
#elif defined(__has_feature)
#	if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#		define SIGNER_UNDER_SANITIZER 1
#	endif
#endif

/* What signing needs once the key is loaded. Everything else is EPERM:
 * open, socket, connect, execve, ptrace, ... */
#if defined(SIGNER_ARCH) && !defined(SIGNER_UNDER_SANITIZER)
#	define ALLOW(name)                                             \
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_##name, 0, 1), \
		    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static int
confine(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SIGNER_ARCH, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
		ALLOW(read),
		ALLOW(write),
		ALLOW(recvfrom),
		ALLOW(sendto),
		ALLOW(ppoll), /* log.h */
		ALLOW(clock_gettime),
		ALLOW(getrandom),
		ALLOW(getpid),
		ALLOW(gettid),
		ALLOW(brk),
		ALLOW(mmap),
		ALLOW(munmap),
		ALLOW(mremap),
		ALLOW(mprotect),
		ALLOW(madvise),
		ALLOW(futex),
		ALLOW(rt_sigprocmask),
		ALLOW(rt_sigreturn),
		ALLOW(restart_syscall),
		ALLOW(close),
		ALLOW(exit),
		ALLOW(exit_group),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
	};
	struct sock_fprog program = {
		.len = sizeof(filter) / sizeof(filter[0]),
		.filter = filter,
	};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		return -errno;
	return 0;
}
#else
static int
confine(void)
{
	return 0;
}
#endif

/* Everything but stderr and the socket goes; the socket becomes number 3. */
static int
keep_only(int fd)
{
	int null;

	if (fd != SIGNER_SOCKET && dup2(fd, SIGNER_SOCKET) < 0)
		return -errno;
	if (fcntl(SIGNER_SOCKET, F_SETFD, FD_CLOEXEC) < 0)
		return -errno;
	if (close_range(SIGNER_SOCKET + 1, ~0U, 0) < 0)
		return -errno;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		return -errno;
	if (dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
		return -errno;
	close(null);
	return 0;
}

/* It needs no rights at all, and must not have the guard's. */
static void
drop_capabilities(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {
		{ 0 }
	};

	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capset, &header, none) < 0)
		log_warning("signer: cannot drop its capabilities: %s",
		    error_text(-errno));
}

static void
hide(void)
{
	const struct rlimit no_core = { 0, 0 };

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		log_warning("signer: cannot forbid being traced: %s",
		    error_text(-errno));
	setrlimit(RLIMIT_CORE, &no_core);
	/* The key itself lies in the secure heap, locked page by page; all of
	 * the process, for what is on the stack while it signs, as well. */
	if (CRYPTO_secure_malloc_init(SECURE_HEAP_SIZE, SECURE_HEAP_MIN) != 1)
		log_warning("signer: cannot lock the memory of the CA key: "
		            "raise LimitMEMLOCK");
	if (mlockall(MCL_CURRENT | MCL_FUTURE) < 0)
		log_info("signer: only the CA key itself is locked in memory: "
		         "%s, LimitMEMLOCK is small",
		    error_text(-errno));
}

int
signer_prepare(pid_t parent, int fd, const char *name)
{
	int r;

	prctl(PR_SET_NAME, name, 0, 0, 0);
	/* It ends when its socket is closed; signals for the guard are not for
	 * it. */
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return -errno;
	if (getppid() != parent)
		return -EPIPE;
	r = keep_only(fd);
	if (r < 0)
		return r;
	drop_capabilities();
	return 0;
}

static void
certify(const struct cert_request *request, EVP_PKEY *ca, const char *addresses,
    struct bucket *rate, struct signer_reply *reply)
{
	struct wire_writer writer;
	struct timespec now;

	reply->len = 0;
	if (!bucket_take(rate, 1, bucket_now())) {
		reply->error = -EAGAIN;
		return;
	}
	/* Random, not counted: there is no state to keep, and it does not
	 * reveal how many there are. 63 bits, so that every tool prints it
	 * alike. */
	if (RAND_bytes((uint8_t *)&reply->serial, sizeof(reply->serial)) != 1) {
		reply->error = ENS_E_CRYPTO;
		return;
	}
	reply->serial >>= 1;
	clock_gettime(CLOCK_REALTIME, &now);
	wire_write_init(&writer, reply->blob, sizeof(reply->blob));
	reply->error = cert_build(request, ca, addresses, now.tv_sec,
	    reply->serial, &writer);
	if (reply->error == 0)
		reply->len = (uint32_t)writer.len;
}

static int
send_reply(const struct signer_reply *reply)
{
	if (send(SIGNER_SOCKET, reply, REPLY_HEAD_LEN + reply->len,
	        MSG_NOSIGNAL) < 0)
		return -errno;
	return 0;
}

static int
serve(EVP_PKEY *ca, const char *addresses)
{
	static struct signer_reply reply;
	struct bucket rate;
	struct cert_request request;
	ssize_t len;

	bucket_init(&rate, SIGNER_RATE, SIGNER_BURST, bucket_now());
	for (;;) {
		len = recv(SIGNER_SOCKET, &request, sizeof(request), MSG_TRUNC);
		if (len < 0 && errno == EINTR)
			continue;
		if (len <= 0)
			return len == 0 ? 0 : -errno;
		reply = (struct signer_reply){ 0 };
		if (len == sizeof(request))
			certify(&request, ca, addresses, &rate, &reply);
		else
			reply.error = ENS_E_PROTOCOL;
		if (send_reply(&reply) < 0)
			return 0; /* the guard has gone */
	}
}

/* The first reply: the public key, or why there is none. */
static int
begin(const char *path, EVP_PKEY **ret_ca)
{
	static struct signer_reply reply;
	struct wire_writer writer;
	int r;

	wire_write_init(&writer, reply.blob, sizeof(reply.blob));
	r = load_key(path, ret_ca);
	if (r == 0)
		r = cert_write_public_key(*ret_ca, &writer);
	if (r == 0)
		reply.len = (uint32_t)writer.len;
	reply.error = r;
	(void)send_reply(&reply);
	return r;
}

static int
run(pid_t parent, int fd, const char *path, const char *addresses)
{
	EVP_PKEY *ca = NULL;
	uint8_t byte;
	int r;

	r = signer_prepare(parent, fd, "enscale-signer");
	if (r < 0) {
		log_error("signer: cannot start: %s", error_text(r));
		return EXIT_FAILURE;
	}
	hide();
	/* The generator seeds itself before the filter closes. */
	if (RAND_bytes(&byte, sizeof(byte)) != 1) {
		log_error("signer: no random numbers");
		return EXIT_FAILURE;
	}
	if (begin(path, &ca) < 0)
		return EXIT_FAILURE;
	r = confine();
	if (r < 0)
		log_warning("signer: running without a system call filter: %s",
		    error_text(r));
	r = serve(ca, addresses);
	if (r < 0)
		log_error("signer: %s", error_text(r));
	EVP_PKEY_free(ca);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* ---- the guard's end -------------------------------------------------- */

static int
receive(struct signer *signer, struct signer_reply *reply)
{
	struct pollfd poller = { .fd = signer->fd, .events = POLLIN };
	ssize_t len;
	int n;

	do
		n = poll(&poller, 1, SIGNER_SECONDS * 1000);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n == 0 ? -ETIMEDOUT : -errno;
	len = recv(signer->fd, reply, sizeof(*reply), 0);
	if (len <= 0)
		return -EPIPE;
	if ((size_t)len < REPLY_HEAD_LEN || reply->len > sizeof(reply->blob) ||
	    (size_t)len != REPLY_HEAD_LEN + reply->len)
		return ENS_E_PROTOCOL;
	return 0;
}

int
signer_start(const char *path, const char *addresses,
    struct signer **ret_signer)
{
	static struct signer_reply reply;
	struct signer *signer;
	pid_t parent = getpid();
	int fds[2], r;

	r = cert_addresses_check(addresses);
	if (r < 0)
		return r;
	signer = calloc(1, sizeof(*signer));
	if (signer == NULL)
		return -ENOMEM;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0) {
		r = -errno;
		free(signer);
		return r;
	}
	signer->fd = fds[0];
	signer->pid = fork();
	if (signer->pid == 0) {
		close(fds[0]);
		_exit(run(parent, fds[1], path, addresses));
	}
	r = signer->pid < 0 ? -errno : 0;
	close(fds[1]);
	if (r == 0)
		r = receive(signer, &reply);
	if (r == 0 && reply.error != 0)
		r = reply.error < 0 ? reply.error : ENS_E_PROTOCOL;
	if (r == 0 && reply.len > sizeof(signer->authority))
		r = ENS_E_PROTOCOL;
	if (r < 0) {
		signer_stop(signer);
		return r;
	}
	memcpy(signer->authority, reply.blob, reply.len);
	signer->authority_len = reply.len;
	*ret_signer = signer;
	return 0;
}

int
signer_adopt(int fd, struct bytes authority, struct signer **ret_signer)
{
	struct signer *signer;

	if (authority.len > sizeof(signer->authority))
		return ENS_E_PROTOCOL;
	signer = calloc(1, sizeof(*signer));
	if (signer == NULL)
		return -ENOMEM;
	signer->fd = fd;
	memcpy(signer->authority, authority.data, authority.len);
	signer->authority_len = authority.len;
	*ret_signer = signer;
	return 0;
}

void
signer_abandon(struct signer *signer)
{
	close(signer->fd);
	free(signer);
}

struct bytes
signer_authority(const struct signer *signer)
{
	return (struct bytes){ signer->authority, signer->authority_len };
}

int
signer_fd(const struct signer *signer)
{
	return signer->fd;
}

int
signer_certify(struct signer *signer, const struct cert_request *request,
    struct wire_writer *writer, uint64_t *ret_serial)
{
	static struct signer_reply reply;
	int r;

	/* After an answer that did not come in time, it would be taken for the
	 * next one. */
	if (signer->lost)
		return -EPIPE;
	if (send(signer->fd, request, sizeof(*request), MSG_NOSIGNAL) < 0)
		r = -EPIPE;
	else
		r = receive(signer, &reply);
	if (r < 0) {
		signer->lost = true;
		return r;
	}
	if (reply.error != 0)
		return reply.error < 0 ? reply.error : ENS_E_PROTOCOL;
	wire_write_bytes(writer, reply.blob, reply.len);
	if (writer->error != 0)
		return writer->error;
	*ret_serial = reply.serial;
	return 0;
}

void
signer_stop(struct signer *signer)
{
	if (signer == NULL)
		return;
	close(signer->fd); /* it ends at the end of its socket */
	if (signer->pid > 0) {
		if (signer->lost)
			kill(signer->pid, SIGKILL);
		while (waitpid(signer->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	free(signer);
}
