/*
 * A lookup through glibc by libnss_enscale.so.2 against one by a module that
 * returns a constant. The module measured is made of the installed one's
 * objects with a map of this benchmark's own. Two processes, one per module,
 * are asked in turns: as a host is set up, where glibc looks after
 * /etc/nsswitch.conf at every lookup (as root, with that file replaced in a
 * mount namespace), and without that file, which is glibc's least and no
 * real program's case. Last, one lookup in a fresh process each time.
 *
 *	LD_LIBRARY_PATH=DIRECTORY-OF-THE-MODULES bench_nss [ROUNDS]
 *
 * With --peers the modules as they are installed on this host, the first one
 * being what the others are compared to; ACCOUNT is known to all of them, and
 * UNKNOWN to none:
 *
 *	bench_nss --peers ACCOUNT UNKNOWN ROUNDS MODULE...
 */
#include <config.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <nss.h>
#include <pwd.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/bench_spawn.h"
#include "common/base/errors.h"
#include "common/names/account_map.h"
#include "common/names/login_name.h"

#define ROUNDS_DEFAULT 4000
#define BATCH          50 /* lookups in one sample */
#define SPAWNS         400
#define ACCOUNTS       100000
#define MODULES_MAX    8

/* The modules that are compared. */
static const char *services[MODULES_MAX] = { "constant", "enscale" };
static size_t service_count = 2;

struct question {
	const char *what;
	const char *name; /* or NULL: by uid */
	uid_t uid;
	bool found;
};

static struct question questions[] = {
	{ "getpwnam_r, account", "25880", 0, true },
	{ "getpwnam_r, node and account", "227028-25880", 0, true },
	{ "getpwnam_r, unknown account", "999999", 0, false },
	{ "getpwuid_r, account", NULL, UID_BASE_DEFAULT + 25880, true },
	{ "getpwuid_r, foreign uid", NULL, 65534, false },
};
static size_t question_count = sizeof(questions) / sizeof(questions[0]);

static uint64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000U + (uint64_t)ts.tv_nsec;
}

static int
compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void
choose(const char *service)
{
	if (__nss_configure_lookup("passwd", service) != 0)
		err(1, "__nss_configure_lookup");
}

/* Makes /etc/nsswitch.conf say so, for this process alone. */
static bool
choose_by_file(const char *service)
{
	const char *name = service; /* a file of each worker's own */
	FILE *file;

	if (unshare(CLONE_NEWNS) != 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return false;
	file = fopen(name, "w");
	if (file == NULL)
		err(1, "%s", name);
	fprintf(file, "passwd: %s\ngroup: files\n", service);
	fclose(file);
	if (mount(name, "/etc/nsswitch.conf", NULL, MS_BIND, NULL) != 0)
		err(1, "/etc/nsswitch.conf");
	/* The mount keeps the file. */
	return unlink(name) == 0;
}

static void
ask(const struct question *question)
{
	struct passwd pw, *found = NULL;
	char buffer[1024];
	int r;

	if (question->name != NULL)
		r = getpwnam_r(question->name, &pw, buffer, sizeof(buffer),
		    &found);
	else
		r = getpwuid_r(question->uid, &pw, buffer, sizeof(buffer),
		    &found);
	if (r != 0 || (found != NULL) != question->found)
		errx(1, "%s: unexpected answer: %s", question->what,
		    found != NULL ? "found"
		        : r != 0  ? strerror(r)
		                  : "not found");
}

/* The uid of the account is each module's own. */
static void
resolve_uids(void)
{
	for (size_t i = 0; i < question_count; i++) {
		const struct passwd *pw;

		if (questions[i].name != NULL || !questions[i].found)
			continue;
		pw = getpwnam(questions[0].name);
		if (pw == NULL)
			errx(1, "%s is not known", questions[0].name);
		questions[i].uid = pw->pw_uid;
	}
}

static uint64_t
sample(const struct question *question)
{
	uint64_t start;

	ask(question); /* the caches are the other process's */
	start = now_ns();
	for (int i = 0; i < BATCH; i++)
		ask(question);
	return now_ns() - start;
}

/* A process that is asked for samples by the number of the question. */
struct worker {
	pid_t pid;
	int to, from;
};

static void
exchange(int fd, void *data, size_t size, bool in)
{
	ssize_t n = in ? read(fd, data, size) : write(fd, data, size);

	if (n == 0)
		exit(0); /* the other end is done */
	if (n != (ssize_t)size)
		err(1, "pipe");
}

static struct worker
start_worker(const char *service, bool by_file)
{
	int to[2], from[2];
	struct worker worker;
	uint32_t number;
	uint64_t time = 0;

	if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0)
		err(1, "pipe");
	worker = (struct worker){ fork(), to[1], from[0] };
	if (worker.pid < 0)
		err(1, "fork");
	if (worker.pid > 0) {
		close(to[0]);
		close(from[1]);
		return worker;
	}
	close(to[1]);
	if (!by_file)
		choose(service);
	else if (!choose_by_file(service))
		exit(0);
	resolve_uids();
	for (;;) {
		exchange(to[0], &number, sizeof(number), true);
		time = sample(&questions[number]);
		exchange(from[1], &time, sizeof(time), false);
	}
}

static void
print(const char *what, const char *service, uint64_t *times, size_t rounds,
    double *floor)
{
	double median;

	qsort(times, rounds, sizeof(*times), compare_u64);
	median = (double)times[rounds / 2] / BATCH;
	if (*floor <= 0)
		*floor = median;
	printf("%-28s %-9s %9.0f %9.0f %8.2f\n", what, service, median,
	    (double)times[rounds - 1 - rounds / 100] / BATCH, median / *floor);
}

static void
measure(uint32_t number, const struct worker *workers, size_t rounds)
{
	uint64_t *times = calloc(service_count * rounds, sizeof(*times));
	double floor = 0;

	if (times == NULL)
		err(1, NULL);
	for (size_t round = 0; round < rounds; round++) {
		for (size_t s = 0; s < service_count; s++) {
			exchange(workers[s].to, &number, sizeof(number), false);
			exchange(workers[s].from, &times[s * rounds + round],
			    sizeof(*times), true);
		}
	}
	for (size_t s = 0; s < service_count; s++)
		print(s == 0 ? questions[number].what : "", services[s],
		    times + s * rounds, rounds, &floor);
	free(times);
}

static void
measure_all(bool by_file, size_t rounds)
{
	struct worker workers[MODULES_MAX];

	printf("%-28s %-9s %9s %9s %8s\n",
	    by_file ? "by /etc/nsswitch.conf" : "without nsswitch.conf",
	    "module", "median ns", "p99 ns", "ratio");
	fflush(stdout);
	for (size_t s = 0; s < service_count; s++)
		workers[s] = start_worker(services[s], by_file);
	for (uint32_t i = 0; i < question_count; i++)
		measure(i, workers, rounds);
	for (size_t s = 0; s < service_count; s++) {
		close(workers[s].to);
		close(workers[s].from);
	}
	for (size_t s = 0; s < service_count; s++)
		waitpid(workers[s].pid, NULL, 0);
	printf("\n");
}

static void
make_map(void)
{
	struct account_map_writer *writer;
	bool replaced;
	int r;

	r = account_map_create(ENS_NSS_MAP_FILE, UID_BASE_DEFAULT, 0, &writer,
	    &replaced);
	for (uint32_t i = 1; r == 0 && i <= ACCOUNTS; i++)
		r = account_map_set(writer, i, true);
	if (r != 0)
		errx(1, "%s: %s", ENS_NSS_MAP_FILE, error_text(r));
	account_map_writer_close(writer);
}

/* What the fresh processes do: one lookup, and nothing else. */
static int
once(const char *service, const char *name)
{
	choose(service);
	return getpwnam(name) == NULL;
}

/* One lookup in a fresh process, of each module. */
static void
measure_fresh(const char *account)
{
	static char self[4096], flag[] = "--once", name[32];
	static char modules[MODULES_MAX][32], titles[MODULES_MAX][64];
	char *arguments[MODULES_MAX][5];
	struct bench_command commands[MODULES_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (len < 0)
		err(1, "/proc/self/exe");
	self[len] = '\0';
	snprintf(name, sizeof(name), "%s", account);
	for (size_t s = 0; s < service_count; s++) {
		snprintf(modules[s], sizeof(modules[s]), "%s", services[s]);
		snprintf(titles[s], sizeof(titles[s]), "fresh process, %s",
		    services[s]);
		char **a = arguments[s];
		*a++ = self;
		*a++ = flag;
		*a++ = modules[s];
		*a++ = name;
		*a = NULL;
		commands[s] = (struct bench_command){ titles[s], arguments[s] };
	}
	fflush(stdout);
	bench_spawn(commands, service_count, SPAWNS);
}

/* --peers: the installed modules, as a host is set up. */
static int
compare_peers(int argc, char **argv)
{
	uint32_t rounds;

	if (argc < 6 || argc > 5 + MODULES_MAX || geteuid() != 0 ||
	    parse_u32(argv[4], BENCH_ROUNDS_MAX, &rounds) != 0 || rounds == 0)
		errx(1,
		    "usage, as root: bench_nss --peers ACCOUNT UNKNOWN ROUNDS MODULE...");
	questions[0] = (struct question){ "getpwnam_r, known", argv[2], 0,
		true };
	questions[1] = (struct question){ "getpwnam_r, unknown", argv[3], 0,
		false };
	questions[2] = (struct question){ "getpwuid_r, known", NULL, 0, true };
	question_count = 3;
	service_count = (size_t)argc - 5;
	for (size_t s = 0; s < service_count; s++)
		services[s] = argv[5 + s];
	measure_all(true, rounds);
	measure_fresh(argv[2]);
	return 0;
}

int
main(int argc, char **argv)
{
	char dir[] = "/tmp/bench-nss-XXXXXX";
	uint32_t rounds = ROUNDS_DEFAULT;

	if (argc == 4 && strcmp(argv[1], "--once") == 0)
		return once(argv[2], argv[3]);
	if (argc > 2 && strcmp(argv[1], "--peers") != 0)
		errx(1, "usage: bench_nss [ROUNDS]");
	if (mkdtemp(dir) == NULL || chdir(dir) != 0)
		err(1, "%s", dir);
	if (argc > 2) {
		compare_peers(argc, argv);
		return chdir("/") == 0 && rmdir(dir) == 0 ? 0 : 1;
	}
	if (argc == 2 &&
	    (parse_u32(argv[1], BENCH_ROUNDS_MAX, &rounds) != 0 || rounds == 0))
		errx(1, "usage: bench_nss [ROUNDS]");
	make_map();
	if (geteuid() == 0)
		measure_all(true, rounds);
	else
		printf("not root: nothing measured with nsswitch.conf\n");
	measure_all(false, rounds);
	measure_fresh("25880");
	unlink(ENS_NSS_MAP_FILE);
	unlink(ENS_NSS_MAP_FILE ".lock");
	return chdir("/") == 0 && rmdir(dir) == 0 ? 0 : 1;
}
